"""The list of requests: one page, and its rows alone for a page that keeps itself up to date."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.forms import InboxFilter
from approvals.queries import inbox as queries

SEE = "approvals.view_approvalrequest"


@login_required
@permission_required(SEE, raise_exception=True)
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    return render(request, "approvals/inbox_list.html", list_context(request))


@login_required
@permission_required(SEE, raise_exception=True)
@require_safe
def inbox_rows(request: HttpRequest) -> HttpResponse:
    """The rows alone; 204 while they are what the page shows already, so that nothing moves for nothing."""
    context = list_context(request)
    if request.GET.get("token") == context["inbox"].token:
        return HttpResponse(status=204)
    return render(request, "approvals/_inbox_rows.html", {**context, "is_refresh": True})


def list_context(request: HttpRequest, current: str = "") -> dict[str, Any]:
    """What the list needs, from the address: the tab, the filter, the page."""
    asked = InboxFilter(request.GET)
    asked.is_valid()
    words = asked.cleaned_data.get("q", "")
    tier = asked.cleaned_data.get("tier", "")
    default: queries.Tab = "mine" if request.user.has_perm("approvals.sign_off") else "all"
    tab = next((known for known in queries.TABS if known == request.GET.get("tab")), default)
    found = queries.inbox(
        person=request.user, tab=tab, words=words, tier=tier, page=request.GET.get("page", 1)
    )
    kept = {name: value for name, value in (("tab", tab), ("q", words), ("tier", tier)) if value}
    address = reverse("approvals:inbox")
    return {
        "inbox": found,
        "query": urlencode(kept),
        "rows_query": urlencode({**kept, "page": found.page.number, "token": found.token}),
        "words": words,
        "tier": tier,
        "tab": tab,
        "current": current or request.GET.get("current", ""),
        "tier_choices": InboxFilter.TIERS,
        "tabs": [
            {
                "label": label,
                "url": f"{address}?{urlencode({**kept, 'tab': name})}",
                "is_current": name == tab,
                "count": found.mine if name == "mine" else None,
            }
            for name, label in queries.TABS.items()
        ],
    }
