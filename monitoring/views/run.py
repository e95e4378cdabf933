"""Run: what is it doing, and may I stop it? One view per tab; each asks for no more than it shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from monitoring.domain import lanes
from monitoring.queries import frames
from monitoring.queries.chains import action_rows
from monitoring.queries.cost_tab import cost_tab
from monitoring.queries.overview import HOLD_EVERYTHING
from monitoring.queries.run_page import run_page
from monitoring.views.pages import answer, number, watched
from orchestrator.queries import watching as queries

# What the page brings along; older events follow when somebody scrolls up.
FIRST_EVENTS = 200
ACTIONS, TURNS, EVENTS, COMMITMENTS = 25, 100, 100, 25
MOST_SEQ = 2**63 - 1
ACTION_STATES = (
    "held",
    "unconfirmed",
    "proposed",
    "released",
    "claimed",
    "executed",
    "refused",
    "failed",
    "voided",
)


@watched
def trace(request: HttpRequest, run: str) -> HttpResponse:
    context = _context(request, run, "trace")
    page = context["page"]
    context["view"] = "lanes" if request.GET.get("trace") == "lanes" else "list"
    context["now_words"] = f"event {page.past.seq:,}" if page.past else "now"
    context["summary"] = lanes.summary(
        head=page.run.head, out=page.run.out, is_over=page.card.is_over, is_past=page.past is not None
    )
    if not request.headers.get("X-Fragments"):
        head = page.run.head
        wanted = number(request, "event", 0)
        first = min(wanted - 20, head - FIRST_EVENTS) if wanted else head - FIRST_EVENTS
        first = max(0, first, head - 2000)
        events = frames.trace_events(run, queries.events_after(run, first, limit=head - first))
        context["events"] = events
        context["lanes"] = {"events": events, "out": lanes.open_ends(page.run.out)}
        context["cursor"] = head
        context["drawer_url"] = reverse("monitoring:run_event", args=[run, 0]).replace("/0/", "/{seq}/")
    return _answer(request, context)


@watched
def actions(request: HttpRequest, run: str) -> HttpResponse:
    context = _context(request, run, "actions")
    state = request.GET.get("state", "")
    state = state if state in ACTION_STATES else ""
    page = context["page"]
    after = number(request, "after", 0)
    if page.past:
        found = page.past.action_page(after=after, limit=ACTIONS, state=state)
    else:
        found = queries.action_page(run, after=after, limit=ACTIONS, state=state)
    context |= {
        "found": found,
        "rows": action_rows(run, found.cards, head=page.past.seq if page.past else MOST_SEQ),
        "has_requests": settings.COUNTERSIGN_GATE != HOLD_EVERYTHING,
        "state": state,
        "states": ACTION_STATES,
        "is_first": not after,
    }
    return _answer(request, context)


@watched
def outputs(request: HttpRequest, run: str) -> HttpResponse:
    context = _context(request, run, "outputs")
    detail = context["page"].run
    context["outputs"] = [
        (stage, queries.shown(stage.output) if stage.output is not None else None) for stage in detail.stages
    ]
    context["given"] = queries.shown(detail.input) if detail.input is not None else None
    context["result"] = queries.shown(detail.output) if detail.output is not None else None
    past, after = context["page"].past, number(request, "after", 0)
    context["commitments"] = (
        past.commitment_page(after=after, limit=COMMITMENTS)
        if past
        else queries.commitment_page(run, after=after, limit=COMMITMENTS)
    )
    return _answer(request, context)


@watched
def cost(request: HttpRequest, run: str) -> HttpResponse:
    context = _context(request, run, "cost")
    context["found"] = cost_tab(
        run, past=context["page"].past, after=number(request, "after", 0), limit=TURNS
    )
    return _answer(request, context)


@watched
def log(request: HttpRequest, run: str) -> HttpResponse:
    context = _context(request, run, "log")
    head = context["page"].run.head
    before = number(request, "before", head + 1) or head + 1
    found = queries.events_before(run, before, limit=EVENTS)
    first = found[0].seq if found else 0
    context |= {
        "found": tuple(reversed(found)),
        "older": first if first > 1 else 0,
        "is_latest": before > head,
        "head": head,
    }
    return _answer(request, context)


@watched
def files(request: HttpRequest, run: str) -> HttpResponse:
    context = _context(request, run, "files")
    context["found"], context["gone"] = queries.files_left(context["page"].run.input)
    return _answer(request, context)


def _context(request: HttpRequest, run: str, tab: str) -> dict[str, Any]:
    page = run_page(run, tab=tab, person=request.user, at=number(request, "at", 0))
    return {"page": page, "body": f"monitoring/_run_{tab}.html"}


def _answer(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    return answer(request, "monitoring/run_detail.html", "monitoring/_run_parts.html", context)
