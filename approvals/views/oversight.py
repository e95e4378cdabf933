"""How people review, and the canaries that show whether they look."""

from __future__ import annotations

import datetime as dt
import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from approvals.forms.inbox import CanaryForm
from approvals.queries import canaries as queries
from approvals.queries import oversight, requests
from approvals.services import canaries
from orchestrator.domain import errors

OVERSEE = "approvals.oversee_reviews"
SIGN_OFF = "approvals.sign_off"
DAYS = (7, 30, 90)


@login_required
@require_safe
def statistics(request: HttpRequest) -> HttpResponse:
    """Everybody's figures for who oversees reviews, one's own for everybody else who decides."""
    sees_all = request.user.has_perm(OVERSEE)
    if not sees_all and not request.user.has_perm(SIGN_OFF):
        raise PermissionDenied
    days = next((one for one in DAYS if str(one) == request.GET.get("days")), 30)
    since = timezone.now() - dt.timedelta(days=days)
    person = "" if sees_all else request.user.get_username()
    address = reverse("approvals:statistics")
    context = {
        "sees_all": sees_all,
        "days": days,
        "reviewers": oversight.reviewer_lines(since=since, person=person),
        "policies": oversight.policy_lines(since=since) if sees_all else (),
        "tabs": [
            {"label": f"{one} days", "url": f"{address}?days={one}", "is_current": one == days}
            for one in DAYS
        ],
        "crumbs": [{"label": "Inbox", "url": reverse("approvals:inbox")}],
    }
    return render(request, "approvals/review_statistics.html", context)


@login_required
@permission_required(OVERSEE, raise_exception=True)
@require_safe
def canary_list(request: HttpRequest) -> HttpResponse:
    context = {
        "planted": queries.planted(),
        "samples": queries.samples(),
        "crumbs": [{"label": "Inbox", "url": reverse("approvals:inbox")}],
    }
    return render(request, "approvals/canary_list.html", context)


@login_required
@permission_required(OVERSEE, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def plant_canary(request: HttpRequest, like: uuid.UUID) -> HttpResponse:
    """A canary that looks like an earlier request, with something wrong in it."""
    arguments, reason = queries.call_of(str(like))
    first = {"arguments": arguments, "stated_reason": reason, "key": uuid.uuid4()}
    form = CanaryForm(request.POST or None, initial=first, label_suffix="")
    problem = ""
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        try:
            canaries.plant(
                like=str(like),
                arguments=sent["arguments"],
                stated_reason=sent["stated_reason"],
                flaw=sent["flaw"],
                key=str(sent["key"]),
                by=request.user,
                now=timezone.now(),
            )
        except errors.Refused as refused:
            problem = refused.message
        else:
            messages.success(
                request, "Planted. It waits for reviewers like any other request, and can never run."
            )
            return redirect("approvals:canaries")
    context = {
        "form": form,
        "problem": problem,
        "sentence": requests.load(like).opened.sentence,
        "crumbs": [
            {"label": "Inbox", "url": reverse("approvals:inbox")},
            {"label": "Canaries", "url": reverse("approvals:canaries")},
        ],
    }
    return render(
        request, "approvals/canary_plant.html", context, status=422 if form.errors or problem else 200
    )
