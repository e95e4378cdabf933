"""Events of a run: pages of lines for the trace, one event for the drawer, the content that an event carries."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from monitoring.queries import frames
from monitoring.queries.event_page import content_of, event_page
from monitoring.views.files import as_download
from monitoring.views.pages import number, watched
from orchestrator.queries import watching as queries

MOST_EVENTS = 2000


@watched
def page(request: HttpRequest, run: str) -> HttpResponse:
    """Events as the trace takes them: `?after=` goes on from a cursor, `?before=` back from one."""
    limit = number(request, "limit", 500, most=MOST_EVENTS) or 1
    if "before" in request.GET:
        found = queries.events_before(run, number(request, "before", 0), limit=limit)
    else:
        found = queries.events_after(run, number(request, "after", 0), limit=limit)
    head = queries.heads([run]).get(run)
    if head is None:
        raise Http404
    return JsonResponse(
        {"stream": f"run:{run}", "head": head, "events": frames.trace_events(run, found)},
        headers={"Cache-Control": "no-store"},
    )


@watched
def drawer(request: HttpRequest, run: str, seq: int) -> HttpResponse:
    context = {"run": run, "page": event_page(run, seq)}
    is_fragment = bool(request.headers.get("HX-Request"))
    return render(
        request, "monitoring/_event.html" if is_fragment else "monitoring/event_detail.html", context
    )


@watched
def content(request: HttpRequest, run: str, seq: int, name: str) -> HttpResponse:
    found = content_of(run, seq, name)
    if found is None:
        raise Http404
    return as_download(queries.whole(found), f"event-{seq}-{name}.json")
