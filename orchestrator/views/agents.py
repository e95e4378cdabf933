"""Agents: what there is, what each may do, and how two of its revisions differ. Editing lies in `agent_editor`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from orchestrator.domain import errors, wording
from orchestrator.forms.parts import whole_number
from orchestrator.queries import catalogue as queries
from orchestrator.queries import published
from orchestrator.services import catalogue
from orchestrator.views.pages import changeable, compared, crumbs, page, readable


@readable("orchestrator.view_agent")
def agents(request: HttpRequest) -> HttpResponse:
    return page(request, "agent_list", {"cards": queries.agent_cards(now=timezone.now())})


@readable("orchestrator.view_agent")
def agent(request: HttpRequest, slug: str) -> HttpResponse:
    card = queries.agent_card(slug, now=timezone.now())
    wanted = request.GET.get("revision", "")
    spec = published.find_agent(slug, whole_number(wanted) or 0) if wanted else card.spec
    if spec is None:
        raise errors.NotFound(f"{card.spec.name} has no revision {wanted}.")
    context = {
        "card": card,
        "spec": spec,
        "is_newest": spec.revision == card.spec.revision,
        "lines": wording.agent_in_words(spec, published.tools(spec.scope.tools)),
        "revisions": queries.agent_revisions(slug),
        "workflows": queries.workflows_with(slug),
        "crumbs": crumbs(("Agents", reverse("orchestrator:agents"))),
    }
    return page(request, "agent_detail", context)


@readable("orchestrator.view_agent")
def compare_agent(request: HttpRequest, slug: str) -> HttpResponse:
    card = queries.agent_card(slug, now=timezone.now())
    numbers = [revision.number for revision in queries.agent_revisions(slug)]
    context = compared(request, lambda number: published.find_agent(slug, number), numbers)
    url = reverse("orchestrator:agent", args=[slug])
    context |= {
        "name": card.spec.name,
        "url": url,
        "crumbs": crumbs(("Agents", reverse("orchestrator:agents")), (card.spec.name, url)),
    }
    return page(request, "revision_compare", context)


@changeable("orchestrator.publish_agent")
@require_POST
def retire_agent(request: HttpRequest, slug: str) -> HttpResponse:
    catalogue.retire_agent(
        slug=slug, reason=request.POST.get("reason", ""), by=request.user.get_username(), now=timezone.now()
    )
    return HttpResponseRedirect(reverse("orchestrator:agents"))
