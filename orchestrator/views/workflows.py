"""Workflows: what there is, how each goes, what it assumes, how two of its revisions differ."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from orchestrator.domain import assumptions, errors, wording
from orchestrator.domain.specs import StageSpec, WorkflowSpec
from orchestrator.forms.parts import whole_number
from orchestrator.queries import catalogue as queries
from orchestrator.queries import published
from orchestrator.services import catalogue
from orchestrator.views.pages import changeable, compared, crumbs, page, readable


@readable("orchestrator.view_workflow")
def workflows(request: HttpRequest) -> HttpResponse:
    cards = queries.workflow_cards(now=timezone.now())
    rows = [
        {"card": card, "stages": [{"label": stage.name, "state": ""} for stage in card.spec.stages]}
        for card in cards
    ]
    return page(request, "workflow_list", {"rows": rows})


@readable("orchestrator.view_workflow")
def workflow(request: HttpRequest, slug: str) -> HttpResponse:
    card = queries.workflow_card(slug, now=timezone.now())
    wanted = request.GET.get("revision", "")
    spec = published.find_workflow(slug, whole_number(wanted) or 0) if wanted else card.spec
    if spec is None:
        raise errors.NotFound(f"{card.spec.name} has no revision {wanted}.")
    context = {
        "card": card,
        "spec": spec,
        "is_newest": spec.revision == card.spec.revision,
        "strip": _strip(spec),
        "stages": [_stage(spec, stage) for stage in spec.stages],
        "lines": wording.workflow_in_words(spec),
        "agents": [
            (agent, wording.scope_in_one_line(agent.scope, spec.tools)) for agent in spec.agents.values()
        ],
        "answers": answers(spec),
        "revisions": queries.workflow_revisions(slug),
        "crumbs": crumbs(("Workflows", reverse("orchestrator:workflows"))),
    }
    return page(request, "workflow_detail", context)


@readable("orchestrator.view_workflow")
def compare_workflow(request: HttpRequest, slug: str) -> HttpResponse:
    card = queries.workflow_card(slug, now=timezone.now())
    numbers = [revision.number for revision in queries.workflow_revisions(slug)]
    context = compared(request, lambda number: published.find_workflow(slug, number), numbers)
    url = reverse("orchestrator:workflow", args=[slug])
    context |= {
        "name": card.spec.name,
        "url": url,
        "crumbs": crumbs(("Workflows", reverse("orchestrator:workflows")), (card.spec.name, url)),
    }
    return page(request, "revision_compare", context)


@changeable("orchestrator.publish_workflow")
@require_POST
def retire_workflow(request: HttpRequest, slug: str) -> HttpResponse:
    catalogue.retire_workflow(
        slug=slug, reason=request.POST.get("reason", ""), by=request.user.get_username(), now=timezone.now()
    )
    return HttpResponseRedirect(reverse("orchestrator:workflows"))


def answers(spec: WorkflowSpec) -> list[dict[str, Any]]:
    """Each assumption with its question, the author's answer and what the system found."""
    given = {answer.id: answer for answer in spec.assumptions}
    return [
        {"question": question, "answer": given.get(question.id)}
        for question in assumptions.QUESTIONS[spec.pattern]
    ]


def _stage(spec: WorkflowSpec, stage: StageSpec) -> dict[str, Any]:
    agent = spec.agents.get(stage.agent)
    shown = {name: getattr(stage, name) for name in stage.__struct_fields__}
    is_own = bool(stage.output_schema) and (agent is None or agent.output_schema != stage.output_schema)
    return {**shown, "has_own_schema": is_own}


def _strip(spec: WorkflowSpec) -> list[dict[str, Any]]:
    found = []
    for stage in spec.stages:
        agent = spec.agents.get(stage.agent)
        revision = f", revision {agent.revision}" if agent else ""
        checks = len(stage.validators) + bool(stage.output_schema)
        found.append(
            {
                "label": stage.name,
                "state": "",
                "verdict": f"{agent.name if agent else stage.agent}{revision}",
                "detail": f"{checks} check{'' if checks == 1 else 's'}, {stage.repairs} repairs at most",
                "url": f"#stage-{stage.name}",
            }
        )
    return found
