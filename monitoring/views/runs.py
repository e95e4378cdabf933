"""Runs: the list, with its filters in the address."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from monitoring.queries.runs_page import runs_page
from monitoring.views.pages import answer, watched


@watched
def runs(request: HttpRequest) -> HttpResponse:
    page = runs_page(request.GET)
    return answer(request, "monitoring/run_list.html", "monitoring/_run_list.html", {"page": page})
