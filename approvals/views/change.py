"""Change a held call: its arguments field by field, and what came of it. The tool stays the same."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from approvals.forms.cases import ChangeForm
from approvals.queries import case as queries
from approvals.services import edits
from approvals.views.inbox import SEE
from orchestrator.domain import errors


@login_required
@permission_required(SEE, raise_exception=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    found = queries.case(request=str(request_id), person=request.user)
    if not found.life.may_edit:
        because = found.answer.because or "You may not change this action."
        messages.error(request, because)
        return redirect("approvals:case", request_id=request_id)
    part = edits.changeable(request=str(request_id))
    form = ChangeForm(
        request.POST or None,
        arguments=part.arguments,
        parameters=part.parameters,
        initial={"seen_digest": found.digest, "seen_version": found.version, "tool": found.tool},
        label_suffix="",
    )
    problem = ""
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        try:
            new = edits.edit(
                request=str(request_id),
                by=request.user,
                tool=sent["tool"],
                arguments=sent["arguments"],
                seen_digest=sent["seen_digest"],
                seen_version=sent["seen_version"],
                reason=sent["reason"],
                now=timezone.now(),
            )
        except (errors.Refused, errors.Conflict, errors.NotPermitted) as refused:
            problem = refused.message
        else:
            messages.success(request, "Changed. Another person must approve it as it is now.")
            return redirect("approvals:case", request_id=new)
    context = {
        "case": found,
        "form": form,
        "problem": problem,
        "crumbs": [
            {"label": "Inbox", "url": reverse("approvals:inbox")},
            {"label": found.sentence, "url": reverse("approvals:case", args=[request_id])},
        ],
    }
    status = 422 if form.errors or problem else 200
    return render(request, "approvals/case_change.html", context, status=status)
