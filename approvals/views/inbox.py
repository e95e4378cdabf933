"""The list of requests: one page, and its rows alone for a page that keeps itself up to date."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.forms.inbox import InboxFilter
from approvals.queries import desk, samples
from approvals.queries import inbox as queries

SEE = "approvals.view_approvalrequest"
# The parts of the address that name a view, in this order. The cursor names a place in it.
NAMES = ("tab", "q", "tier", "tool", "agent", "least", "most", "older", "sort", "like", "snoozed")


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
    """What the list needs, from the address: the tab, the filter, the place."""
    form = InboxFilter(request.GET)
    form.is_valid()
    read = form.cleaned_data
    default: queries.Tab = "mine" if request.user.has_perm("approvals.sign_off") else "all"
    tab = next((known for known in queries.TABS if known == request.GET.get("tab")), default)
    asked = _asked(read)
    found = queries.inbox(person=request.user, tab=tab, asked=asked)
    request.waits_for_me = found.mine  # type: ignore[attr-defined]  # the rail counts no second time
    given = {"tab": tab, **{name: read.get(name) for name in NAMES[1:]}}
    kept = {name: str(value) for name, value in given.items() if value not in (None, "", False)}
    filters = {name: value for name, value in kept.items() if name not in ("tab", "sort")}
    address = reverse("approvals:inbox")
    tools, agents = queries.choices()
    return {
        "inbox": found,
        "asked": asked,
        "query": urlencode(kept),
        "rows_query": urlencode({**kept, "after": asked.after, "token": found.token}),
        "next_query": urlencode({**kept, "after": found.next}) if found.next else "",
        "first_query": urlencode(kept) if asked.after else "",
        "unfiltered_query": urlencode({"tab": tab}),
        "snoozed_query": urlencode({"tab": "mine", "snoozed": "1"}),
        "filter_count": len(set(filters) - {"q", "snoozed", "like"}),
        "is_filtered": bool(filters),
        "words": asked.words,
        "tab": tab,
        "current": current or request.GET.get("current", ""),
        "choices": {
            "tier": InboxFilter.TIERS,
            "older": InboxFilter.AGES,
            "sort": InboxFilter.SORTS,
            "tool": tools,
            "agent": agents,
        },
        "chosen": kept,
        "saved": desk.filters_of(request.user),
        "may_review": request.user.has_perm("approvals.sign_off"),
        "tabs": [
            {
                "label": label,
                "url": f"{address}?{urlencode({**kept, 'tab': name})}",
                "is_current": name == tab,
                "count": found.mine if name == "mine" else None,
            }
            for name, label in queries.TABS.items()
        ]
        + [
            {
                "label": "Sampled",
                "url": reverse("approvals:samples"),
                "is_current": False,
                "count": samples.open_samples(),
            }
        ],
    }


def _asked(read: dict[str, Any]) -> queries.Asked:
    older = read.get("older")
    return queries.Asked(
        words=read.get("q", ""),
        tool=read.get("tool", ""),
        agent=read.get("agent", ""),
        tier=read.get("tier", ""),
        least=read.get("least"),
        most=read.get("most"),
        older=dt.timedelta(hours=int(older)) if older else None,
        sort=read.get("sort") or "tier",
        like=str(read.get("like") or ""),
        snoozed=bool(read.get("snoozed")),
        after=read.get("after", ""),
    )
