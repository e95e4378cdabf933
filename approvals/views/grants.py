"""Standing grants: everybody sees them with their use; administrators make, approve and revoke them."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from approvals.forms.cases import GrantForm
from approvals.queries import grants as queries
from approvals.services import grants as service
from approvals.views.inbox import SEE
from orchestrator.domain import errors
from orchestrator.queries import catalogue


@login_required
@permission_required(SEE, raise_exception=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def grants(request: HttpRequest) -> HttpResponse:
    may_manage = request.user.has_perm(service.MANAGE)
    if request.method == "POST" and not may_manage:
        raise PermissionDenied
    form = None
    if may_manage:
        form = GrantForm(
            request.POST or None,
            agents=[
                card.spec.slug for card in catalogue.agent_cards(now=timezone.now()) if not card.is_retired
            ],
            tools=[
                card.spec.name
                for card in catalogue.tool_cards()
                if card.spec.is_consequential
                and card.spec.reversibility != "irreversible"
                and card.spec.category != "safety_critical"
            ],
            label_suffix="",
        )
    if form is not None and request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            service.make(
                agent=given["agent"],
                tool=given["tool"],
                fields=given["fields_like"],
                when=given["when"],
                max_amount=given["max_amount"],
                currency=given["currency"],
                max_uses=given["max_uses"],
                expires_at=given["expires_at"],
                reason=given["reason"],
                by=request.user,
                now=timezone.now(),
            )
        except errors.Refused as refused:
            field = str(refused.facts.get("field", ""))
            form.add_error(field if field in form.fields else None, refused.message)
        else:
            messages.success(
                request, "Proposed. It lets nothing pass before another administrator approves it."
            )
            return redirect("approvals:grants")
    now = timezone.now()
    context = {"grants": queries.listed(request.user, now), "form": form, "now": now}
    status = 422 if form is not None and form.errors else 200
    return render(request, "approvals/grant_list.html", context, status=status)


@login_required
@permission_required(service.MANAGE, raise_exception=True)
@require_POST
def approve_grant(request: HttpRequest, grant: uuid.UUID) -> HttpResponse:
    service.approve(grant=str(grant), by=request.user, now=timezone.now())
    messages.success(request, "Approved. Each use of it stays on record.")
    return redirect("approvals:grants")


@login_required
@permission_required(service.MANAGE, raise_exception=True)
@require_POST
def revoke_grant(request: HttpRequest, grant: uuid.UUID) -> HttpResponse:
    service.revoke(
        grant=str(grant), by=request.user, reason=request.POST.get("reason", ""), now=timezone.now()
    )
    messages.success(request, "Revoked. What it let pass and was not taken yet is asked again.")
    return redirect("approvals:grants")
