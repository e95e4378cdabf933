"""What agents committed themselves to over all runs, with its filters in the address."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from monitoring.queries.commitments_page import commitments_page
from monitoring.views.pages import answer, watched


@watched
def commitments(request: HttpRequest) -> HttpResponse:
    page = commitments_page(request.GET)
    return answer(
        request, "monitoring/commitment_list.html", "monitoring/_commitment_list.html", {"page": page}
    )
