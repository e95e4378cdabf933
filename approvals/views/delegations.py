"""A person's own page of delegations and leave: what is in force, who decides for whom, a new one."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from approvals.forms.cases import DelegationForm
from approvals.queries import delegations as queries
from approvals.queries import people
from approvals.services import delegations as service
from approvals.views.inbox import SEE
from orchestrator.domain import errors


@login_required
@permission_required(SEE, raise_exception=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delegations(request: HttpRequest) -> HttpResponse:
    me = request.user.get_username()
    form = DelegationForm(request.POST or None, colleagues=people.colleagues(me), label_suffix="")
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            service.set_delegation(
                person=me,
                delegate=given["delegate"],
                is_leave=given["is_leave"],
                starts_at=given["starts_at"],
                until=given["until"],
                reason=given["reason"],
                by=request.user,
                now=timezone.now(),
            )
        except (errors.Refused, errors.NotPermitted) as refused:
            field = str(refused.facts.get("field", ""))
            form.add_error(field if field in form.fields else None, refused.message)
        else:
            messages.success(request, "It is set. Your colleagues see it where they wait for you.")
            return redirect("approvals:delegations")
    everybody = request.user.has_perm(service.MANAGE)
    now = timezone.now()
    context = {
        "form": form,
        "now": now,
        "me": me,
        "delegations": queries.coming(now) if everybody else queries.of_person(me, now),
        "everybody": everybody,
        "may_delegate": request.user.has_perm(people.SIGN_OFF),
    }
    return render(request, "approvals/delegation_list.html", context, status=422 if form.errors else 200)


@login_required
@permission_required(SEE, raise_exception=True)
@require_POST
def end_delegation(request: HttpRequest, delegation: uuid.UUID) -> HttpResponse:
    try:
        service.end_delegation(delegation=str(delegation), by=request.user, now=timezone.now())
    except errors.Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "It is ended.")
    return redirect("approvals:delegations")
