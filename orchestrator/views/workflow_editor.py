"""Create and edit a workflow: its settings, its stages in order, and the assumptions that its author answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from msgspec.structs import replace

from orchestrator import ports
from orchestrator.adapters import registry
from orchestrator.domain import assumptions, differences, soundness, wording
from orchestrator.domain.soundness import MAX_STAGES, Fault
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.forms import parts
from orchestrator.forms import workflows as forms
from orchestrator.queries import catalogue as queries
from orchestrator.queries import published
from orchestrator.services import catalogue
from orchestrator.views import editing
from orchestrator.views.pages import changeable, crumbs, page

STRICT = "strict"


@dataclass
class WorkflowForms:
    """The three parts of the form, which are valid together."""

    own: forms.WorkflowForm
    stages: list[forms.StageForm]
    answers: list[forms.AssumptionForm]
    current: WorkflowSpec | None

    def is_valid(self) -> bool:
        wrong = [form for form in (self.own, *self.stages, *self.answers) if not form.is_valid()]
        if wrong:
            return False
        self.show(soundness.workflow_faults(self.spec()))
        return not self.own.errors

    def show(self, faults: list[Fault]) -> None:
        self.own.show(faults)

    @property
    def wrong(self) -> int:
        """How many of the parts have something to correct."""
        return sum(1 for form in (self.own, *self.stages, *self.answers) if form.errors)

    def spec(self) -> WorkflowSpec:
        """The workflow as far as it can be read, with what it would pin and what the system finds."""
        own = self.own
        spec = WorkflowSpec(
            slug=own.given("slug"),
            name=own.given("name"),
            owner=own.given("owner"),
            description=parts.plain_lines(own.given("description")),
            policy=own.given("policy") or STRICT,
            rework_cap=own.given("rework_cap", 2),
            input_schema=own.given("input_schema", {}),
            stages=tuple(form.spec() for form in self.stages),
            assumptions=tuple(form.spec() for form in self.answers),
            deadline_seconds=self.current.deadline_seconds if self.current else None,
            cost_limit=self.current.cost_limit if self.current else None,
        )
        pinned = published.pin(spec)
        return replace(pinned, assumptions=assumptions.check(pinned))


@changeable("orchestrator.publish_workflow")
def new_workflow(request: HttpRequest) -> HttpResponse:
    return _answer(request, None)


@changeable("orchestrator.publish_workflow")
def edit_workflow(request: HttpRequest, slug: str) -> HttpResponse:
    return _answer(request, queries.workflow_card(slug, now=timezone.now()).spec)


@changeable("orchestrator.publish_workflow")
@require_POST
def preview_workflow(request: HttpRequest) -> HttpResponse:
    """What the form says now, in plain words: a fragment, asked for while one types."""
    current = published.find_workflow(request.POST.get("declared", ""))
    sent = _sent(request.POST, current)
    sent.is_valid()
    return page(request, "_settings_words", _words(sent.spec(), current))


def _answer(request: HttpRequest, current: WorkflowSpec | None) -> HttpResponse:
    if request.method != "POST":
        return editing.answer(request, _editor(_published(current), current))
    step, _, place = request.POST.get("do", "").partition("-")
    if step in {"add", "remove", "up", "down"}:
        shown = _editor(_rearranged(request.POST, current, step, place), current)
        started_from = request.POST.get("expected", "")
        context = {**shown.context, "form": shown.form, "current": current, "expected": started_from, "what": "workflow",
                   "cancel_url": shown.cancel_url, "compare_url": shown.compare_url, "is_rearranged": True}  # fmt: skip
        return page(request, "workflow_form", context)
    return editing.answer(request, _editor(_sent(request.POST, current), current))


def _editor(form: WorkflowForms, current: WorkflowSpec | None) -> editing.Editor:
    if form.own.is_bound:
        form.is_valid()
    spec = form.spec() if form.own.is_bound else current
    everything = reverse("orchestrator:workflows")
    own = reverse("orchestrator:workflow", args=[current.slug]) if current else everything
    return editing.Editor(
        what="workflow",
        template="workflow_form",
        form=form,
        current=current,
        number=current.revision if current else 0,
        revisions=queries.workflow_revisions(current.slug) if current else [],
        publish=catalogue.publish_workflow,
        url_of=lambda published_: reverse("orchestrator:workflow", args=[published_.slug]),
        compare_url=reverse("orchestrator:compare_workflow", args=[current.slug]) if current else "",
        cancel_url=own,
        is_taken=lambda slug: queries.is_taken("workflow", slug),
        context={
            "title": current.name if current else "New workflow",
            "crumbs": crumbs(("Workflows", everything), *(((current.name, own),) if current else ())),
            "words": _words(spec, current) if spec else None,
            "unmet": catalogue.unmet(spec) if spec else [],
            "preview_url": reverse("orchestrator:preview_workflow"),
            "checks": sorted({id for id, _ in registry.validators()}),
            "most_stages": MAX_STAGES,
        },
    )


def _words(spec: WorkflowSpec, current: WorkflowSpec | None) -> dict[str, Any]:
    pinned = published.pin(spec)
    found = {given.id: given for given in assumptions.check(pinned)}
    questions = {question.id: question.text for question in assumptions.QUESTIONS[spec.pattern]}
    return {
        "lines": wording.workflow_in_words(pinned),
        "problems": [fault.text for fault in soundness.workflow_faults(pinned)],
        "findings": [(questions[id], given) for id, given in found.items() if given.finding],
        "current": current,
        "comparison": differences.compare(current, pinned) if current else None,
    }


# ---- the forms, from where their values come ----
def _published(current: WorkflowSpec | None) -> WorkflowForms:
    agents = published.agents()
    rows = [forms.stage_initial(stage, agents) for stage in current.stages] if current else [{}]
    answered = {given.id: given for given in current.assumptions} if current else {}
    told = {
        id: {"holds": "yes" if given.holds else "no", "reason": given.reason}
        for id, given in answered.items()
    }
    return _unbound(forms.initial_of(current) if current else {}, rows, told, current)


def _sent(data: Mapping[str, Any], current: WorkflowSpec | None) -> WorkflowForms:
    agents, known = published.agents(), registry.validators()
    stages = [
        forms.StageForm(
            data,
            prefix=f"stage-{place}",
            agents=agents,
            known=known,
            kept=data.get(f"stage-{place}-agent", ""),
        )
        for place in range(_count(data))
    ]
    answers = [forms.AssumptionForm(question, data) for question in assumptions.QUESTIONS["sequential"]]
    return WorkflowForms(_own(current, data=data), stages, answers, current)


def _rearranged(
    data: Mapping[str, Any], current: WorkflowSpec | None, step: str, place: str
) -> WorkflowForms:
    """What was typed, with one stage added, removed or moved; nothing is examined yet."""
    rows = [parts.typed(data, forms.StageForm, f"stage-{row}") for row in range(_count(data))]
    found = parts.whole_number(place)
    at = found if found is not None and found < len(rows) else -1
    if step == "add" and len(rows) < MAX_STAGES:
        rows.append({})
    elif step == "remove" and at >= 0:
        del rows[at]
    elif step in {"up", "down"} and at >= 0:
        other = at - 1 if step == "up" else at + 1
        if 0 <= other < len(rows):
            rows[at], rows[other] = rows[other], rows[at]
    told = {
        question.id: parts.typed(data, forms.AssumptionForm, f"assume-{question.id}")
        for question in assumptions.QUESTIONS["sequential"]
    }
    return _unbound(parts.typed(data, forms.WorkflowForm), rows, told, current)


def _unbound(
    own: dict[str, Any],
    rows: list[dict[str, Any]],
    told: Mapping[str, dict[str, Any]],
    current: WorkflowSpec | None,
) -> WorkflowForms:
    agents, known = published.agents(), registry.validators()
    if current:
        own["slug"] = current.slug
    stages = [
        forms.StageForm(
            initial={"repairs": 3, **row},
            prefix=f"stage-{place}",
            agents=agents,
            known=known,
            kept=row.get("agent", ""),
        )
        for place, row in enumerate(rows)
    ]
    answers = [
        forms.AssumptionForm(question, initial=told.get(question.id))
        for question in assumptions.QUESTIONS["sequential"]
    ]
    return WorkflowForms(_own(current, initial=own), stages, answers, current)


def _own(current: WorkflowSpec | None, data: Any = None, initial: Any = None) -> forms.WorkflowForm:
    used = {card.spec.policy for card in queries.workflow_cards(now=timezone.now())}
    return forms.WorkflowForm(
        data,
        initial=initial if initial is not None else (forms.initial_of(current) if current else {}),
        people=queries.owner_choices(),
        policies=[STRICT, *sorted((used | set(ports.policies())) - {STRICT})],
        is_new=current is None,
    )


def _count(data: Mapping[str, Any]) -> int:
    return min(parts.whole_number(str(data.get("stages", "0"))) or 0, MAX_STAGES)
