"""Downloads: input files and outputs, exactly as they are kept. A browser saves them and never runs them."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from monitoring.views.pages import number, watched
from orchestrator.queries import watching as queries


@watched
def download(request: HttpRequest, run: str, number: int) -> HttpResponse:
    file, data = queries.file_bytes(run, number)
    return as_download(data, file.name)


@watched
def output(request: HttpRequest, run: str, stage: str) -> HttpResponse:
    at = number(request, "at", 0)
    detail = queries.as_it_was(run, at).detail if at else queries.run_detail(run)
    found = next((one.output for one in detail.stages if one.name == stage), None)
    if found is None:
        raise Http404
    return as_download(queries.whole(found), f"{stage}.json")


def as_download(data: bytes, name: str) -> HttpResponse:
    """Bytes that the browser keeps as a file, whatever they claim to be."""
    response = HttpResponse(data, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
