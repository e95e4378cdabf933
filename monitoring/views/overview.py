"""Overview: does anything need me?"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from monitoring.queries.overview import overview_page
from monitoring.views.pages import answer, watched


@watched
def overview(request: HttpRequest) -> HttpResponse:
    page = overview_page(person=request.user, now=timezone.now())
    context = {"page": page}
    return answer(request, "monitoring/overview.html", "monitoring/_overview.html", context)
