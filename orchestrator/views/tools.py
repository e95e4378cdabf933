"""Tools: what agents may be allowed to name, and their declarations: category, operands, sentence."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from orchestrator.adapters import mcp, registry
from orchestrator.domain import differences, errors, soundness, wording
from orchestrator.domain.specs import ToolSpec
from orchestrator.forms.tools import ElsewhereToolForm, OutsideToolForm, ToolForm, initial_of
from orchestrator.queries import catalogue as queries
from orchestrator.queries import outside as seen
from orchestrator.queries import published
from orchestrator.services import catalogue
from orchestrator.views import editing
from orchestrator.views.pages import changeable, compared, crumbs, page, readable

_PLACE = re.compile(r"(\{[^{}]*\})")


@readable("orchestrator.view_agent")
def tools(request: HttpRequest) -> HttpResponse:
    cards = queries.tool_cards()
    declared = {card.spec.name for card in cards}
    undeclared = [name for name in registry.tools() if name not in declared]
    return page(request, "tool_list", {"cards": cards, "undeclared": undeclared})


@readable("orchestrator.view_agent")
def tool(request: HttpRequest, name: str) -> HttpResponse:
    card = queries.tool_card(name)
    context = {
        "card": card,
        "spec": card.spec,
        "lines": wording.tool_in_words(card.spec),
        "versions": queries.tool_versions(name),
        "is_registered": name in registry.tools(),
        "outside": seen.outside_tool(name) if card.spec.server else None,
        "crumbs": crumbs(("Tools", reverse("orchestrator:tools"))),
    }
    return page(request, "tool_detail", context)


@readable("orchestrator.view_agent")
def compare_tool(request: HttpRequest, name: str) -> HttpResponse:
    queries.tool_card(name)
    numbers = [version.number for version in queries.tool_versions(name)]
    context = compared(request, lambda number: published.find_tool(name, number), numbers)
    url = reverse("orchestrator:tool", args=[name])
    context |= {
        "name": name,
        "url": url,
        "crumbs": crumbs(("Tools", reverse("orchestrator:tools")), (name, url)),
    }
    return page(request, "revision_compare", context)


@changeable("orchestrator.publish_agent")
def new_tool(request: HttpRequest) -> HttpResponse:
    """Declare a registered function that is not declared yet (`?name=` chooses it), or a tool that works elsewhere
    (`?elsewhere=yes`)."""
    declared = {card.spec.name for card in queries.tool_cards()}
    free = [name for name in registry.tools() if name not in declared]
    asked = request.POST.get("name") or request.GET.get("name", "")
    chosen = asked if asked in registry.tools() else (free[0] if free else "")
    if "server" in request.GET or "server" in request.POST:
        return editing.answer(request, _editor(_outside(request, None), None))
    is_elsewhere = "elsewhere" in request.GET or "schema" in request.POST
    if is_elsewhere and request.POST.get("name", "") not in registry.tools():
        return editing.answer(request, _editor(_elsewhere(request, None), None))
    if not free:
        return page(request, "tool_none_free", {"crumbs": crumbs(("Tools", reverse("orchestrator:tools")))})
    return editing.answer(request, _editor(_form(request, None, chosen, free), None))


@changeable("orchestrator.publish_agent")
def edit_tool(request: HttpRequest, name: str) -> HttpResponse:
    spec = queries.tool_card(name).spec
    if spec.server:
        return editing.answer(request, _editor(_outside(request, spec), spec))
    if name not in registry.tools():
        return editing.answer(request, _editor(_elsewhere(request, spec), spec))
    return editing.answer(request, _editor(_form(request, spec, name, [name]), spec))


@changeable("orchestrator.publish_agent")
@require_POST
def preview_tool(request: HttpRequest) -> HttpResponse:
    """What the declaration says now: a fragment, asked for while one types."""
    name = request.POST.get("name") or request.POST.get("declared", "")
    current = published.find_tool(name)
    if "server" in request.POST:
        form: ToolForm = OutsideToolForm(request.POST, parameters={}, is_new=current is None)
        form.is_valid()
        return page(request, "_settings_words", {**_words(form.spec(), current), "faults": len(form.errors)})
    is_here = name in registry.tools()
    form = _form(request, current, name, [*registry.tools()]) if is_here else _elsewhere(request, current)
    form.is_valid()
    faults = soundness.tool_faults(form.spec())
    return page(request, "_settings_words", {**_words(form.spec(), current), "faults": len(faults)})


def _editor(form: ToolForm, current: ToolSpec | None) -> editing.Editor:
    if form.is_bound:
        form.is_valid()
    spec = form.spec() if form.is_bound or current is None else current
    all_tools = reverse("orchestrator:tools")
    own = reverse("orchestrator:tool", args=[current.name]) if current else all_tools
    return editing.Editor(
        what="tool",
        template="tool_form",
        form=form,
        current=current,
        number=current.version if current else 0,
        revisions=queries.tool_versions(current.name) if current else [],
        publish=catalogue.publish_tool,
        url_of=lambda published_: reverse("orchestrator:tool", args=[published_.name]),
        compare_url=reverse("orchestrator:compare_tool", args=[current.name]) if current else "",
        cancel_url=own,
        has_notes=False,
        is_taken=lambda name: queries.is_taken("tool", name),
        key="name",
        context={
            "title": current.name if current else "Declare a tool",
            "crumbs": crumbs(("Tools", all_tools), *(((current.name, own),) if current else ())),
            "words": _words(spec, current),
            "preview_url": reverse("orchestrator:preview_tool"),
            "parameters": _arguments(spec),
            "is_elsewhere": isinstance(form, ElsewhereToolForm),
            "offered": form.offered if isinstance(form, OutsideToolForm) else None,
            "outside": form.initial if isinstance(form, OutsideToolForm) else None,
        },
    )


def _form(request: HttpRequest, current: ToolSpec | None, name: str, names: list[str]) -> ToolForm:
    known = registry.tools()
    parameters = known[name].parameters if name in known else (current.parameters if current else {})
    return ToolForm(
        request.POST if request.method == "POST" else None,
        initial=initial_of(current) if current else {"name": name},
        names=names,
        parameters=parameters,
        is_new=current is None,
    )


def _elsewhere(request: HttpRequest, current: ToolSpec | None) -> ElsewhereToolForm:
    """The form of a tool that no function here stands for."""
    return ElsewhereToolForm(
        request.POST if request.method == "POST" else None,
        initial=initial_of(current) if current else {},
        parameters=current.parameters if current else {},
        is_new=current is None,
    )


@readable("orchestrator.publish_agent")
def outside_tools(request: HttpRequest) -> HttpResponse:
    """What an external MCP server offers: each tool can be declared, and is then pinned as it is described now."""
    server = request.GET.get("server", "").strip()[:500]
    found, problem = [], ""
    if server:
        try:
            found = mcp.offered(server)
        except (errors.Refused, errors.PortFailure) as error:
            problem = error.message
    declared = {(spec.server, spec.remote): spec for spec in published.tools().values() if spec.server}
    context = {
        "server": server,
        "offered": [(tool, declared.get((server, tool.name))) for tool in found],
        "problem": problem,
        "crumbs": crumbs(("Tools", reverse("orchestrator:tools"))),
    }
    return page(request, "tool_outside", context, status=422 if problem else 200)


def _outside(request: HttpRequest, current: ToolSpec | None) -> OutsideToolForm:
    """The form of a tool of an external MCP server, which is asked now what it says of it."""
    sent = request.POST if request.method == "POST" else request.GET
    server = current.server if current else sent.get("server", "").strip()[:500]
    remote = current.remote if current else sent.get("remote", "")[:300]
    offered = mcp.find_offered(server, remote)
    if offered is None:
        raise errors.NotFound(f"The server does not offer a tool {remote[:100]!r} any more.")
    asked = {"server": server, "remote": remote, "pinned": offered.digest}
    known = {"name": _named_after(remote), "description": offered.description[: soundness.MAX_TEXT]}
    initial = {**(initial_of(current) if current else known), **asked}
    return OutsideToolForm(
        request.POST if request.method == "POST" else None,
        initial=initial,
        parameters=offered.parameters,
        offered=offered,
        is_new=current is None,
    )


def _named_after(remote: str) -> str:
    """A name that a tool may have here, from the one it has there."""
    plain = re.sub(r"[^a-z0-9_]+", "_", remote.lower()).strip("_")[:40]
    return f"outside.{plain}" if plain[:1].isalpha() else ""


def _words(spec: ToolSpec, current: ToolSpec | None) -> dict[str, Any]:
    return {
        "lines": wording.tool_in_words(spec),
        "sentence": example_sentence(spec),
        "current": current,
        "comparison": differences.compare(current, spec) if current else None,
    }


def example_sentence(spec: ToolSpec) -> str:
    """The tool's sentence with its arguments' names in their places."""
    names = spec.parameters.get("properties", {})
    pieces = _PLACE.split(spec.sentence)
    return "".join(f"‹{piece[1:-1]}›" if piece[1:-1] in names else piece for piece in pieces)


def _arguments(spec: ToolSpec) -> list[dict[str, Any]]:
    """The arguments for a table: name, type, whether a call needs it."""
    needed = set(spec.parameters.get("required", []))
    return [
        {
            "name": name,
            "type": schema.get("type", "any"),
            "is_needed": name in needed,
            "words": schema.get("description", ""),
        }
        for name, schema in spec.parameters.get("properties", {}).items()
        if isinstance(schema, dict)
    ]
