"""Create and edit an agent, with what the settings mean in plain words beside the form."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from orchestrator.adapters import model_keys, model_library, registry
from orchestrator.domain import differences, model_providers, soundness, wording
from orchestrator.domain.specs import AgentSpec
from orchestrator.forms.agents import AgentForm, initial_of
from orchestrator.queries import catalogue as queries
from orchestrator.queries import published
from orchestrator.services import catalogue
from orchestrator.views import editing
from orchestrator.views.pages import changeable, crumbs, page


@changeable("orchestrator.publish_agent")
def new_agent(request: HttpRequest) -> HttpResponse:
    return editing.answer(request, _editor(_form(request, None), None))


@changeable("orchestrator.publish_agent")
def edit_agent(request: HttpRequest, slug: str) -> HttpResponse:
    spec = queries.agent_card(slug, now=timezone.now()).spec
    return editing.answer(request, _editor(_form(request, spec), spec))


@changeable("orchestrator.publish_agent")
@require_POST
def preview_agent(request: HttpRequest) -> HttpResponse:
    """What the form says now, in plain words: a fragment, asked for while one types."""
    current = published.find_agent(request.POST.get("declared", ""))
    form = _form(request, current)
    form.is_valid()
    spec = form.spec()
    faults = soundness.agent_faults(spec)
    return page(request, "_settings_words", {**_words(spec, current, form), "faults": len(faults)})


def _editor(form: AgentForm, current: AgentSpec | None) -> editing.Editor:
    if form.is_bound:
        form.is_valid()
    spec = form.spec() if form.is_bound else current
    name = current.name if current else "New agent"
    agents = reverse("orchestrator:agents")
    own = reverse("orchestrator:agent", args=[current.slug]) if current else agents
    return editing.Editor(
        what="agent",
        template="agent_form",
        form=form,
        current=current,
        number=current.revision if current else 0,
        revisions=queries.agent_revisions(current.slug) if current else [],
        publish=catalogue.publish_agent,
        url_of=lambda published_: reverse("orchestrator:agent", args=[published_.slug]),
        compare_url=reverse("orchestrator:compare_agent", args=[current.slug]) if current else "",
        cancel_url=own,
        is_taken=lambda slug: queries.is_taken("agent", slug),
        context={
            "title": name,
            "crumbs": crumbs(("Agents", agents), *(((name, own),) if current else ())),
            "words": _words(spec, current, form) if spec else None,
            "preview_url": reverse("orchestrator:preview_agent"),
            "warning": _warning(spec) if spec else "",
        },
    )


def _form(request: HttpRequest, current: AgentSpec | None) -> AgentForm:
    return AgentForm(
        request.POST if request.method == "POST" else None,
        initial=initial_of(current) if current else {"categories": ["routine"]},
        people=queries.owner_choices(),
        functions={name: agent.output_schema for name, agent in registry.agents().items()},
        tools=published.tools(),
        is_new=current is None,
    )


def _words(spec: AgentSpec, current: AgentSpec | None, form: AgentForm) -> dict[str, object]:
    return {
        "lines": [
            *([wording.Line("warns", warning)] if (warning := _warning(spec)) else []),
            *wording.agent_in_words(spec, form.known_tools),
        ],
        "current": current,
        "comparison": differences.compare(current, spec) if current else None,
    }


def _warning(spec: AgentSpec) -> str:
    """What keeps its runs from going on although it may be published; empty when nothing does."""
    if spec.kind != "model":
        return ""
    provider = spec.reference.partition(":")[0].removeprefix(model_providers.GATEWAY)
    if provider in model_providers.OTHERS and not spec.base_url and (lacks := model_library.lacks(provider)):
        return (
            f"Its runs will fail until that is done where the workers run: {lacks}. It is not installed here."
        )
    missing = model_keys.missing(spec.reference, base_url=spec.base_url, slug=spec.slug)
    if not missing:
        return ""
    own = f", or {model_keys.variable(spec.slug)} as its own key" if spec.slug else ""
    return f"Its runs will pause until {missing} is set where the workers run{own}. It is not set here."
