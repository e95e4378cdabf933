"""Allowed actions that are looked at afterwards: what waits for a look, what was found, and the answer to one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from approvals.forms.cases import SampleForm
from approvals.queries import samples as queries
from approvals.services import samples as service
from approvals.views.inbox import SEE
from orchestrator.domain import errors


@login_required
@permission_required(SEE, raise_exception=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def samples(request: HttpRequest) -> HttpResponse:
    may_review = request.user.has_perm("approvals.sign_off")
    problem = ""
    if request.method == "POST":
        if not may_review:
            raise PermissionDenied
        form = SampleForm(request.POST)
        if form.is_valid():
            given = form.cleaned_data
            try:
                service.review(
                    sample=str(given["sample"]),
                    finding=given["finding"],
                    note=given["note"],
                    by=request.user,
                    now=timezone.now(),
                )
            except errors.Conflict as first:
                problem = first.message
            except errors.Refused as refused:
                problem = refused.message
            else:
                messages.success(request, "Written down. Whoever keeps the policy reads it here.")
                return redirect(request.get_full_path())
        else:
            problem = (
                "This is incomplete, so nothing was written down. Say whether the action was fine or wrong."
            )
    is_open = request.GET.get("seen") != "1"
    page, cards = queries.sample_page(is_open=is_open, page=request.GET.get("page", "1"))
    context = {
        "page": page,
        "samples": cards,
        "is_open": is_open,
        "may_review": may_review,
        "problem": problem,
        "query": "" if is_open else "seen=1",
        "tabs": [
            {"label": "To look at", "url": "?", "is_current": is_open, "count": queries.open_samples()},
            {"label": "Looked at", "url": "?seen=1", "is_current": not is_open},
        ],
    }
    return render(request, "approvals/sample_list.html", context, status=422 if problem else 200)
