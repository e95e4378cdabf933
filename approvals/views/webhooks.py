"""Webhooks: whom this installation tells of events, and what became of each telling. For administrators."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from approvals.domain.webhooks import AlreadyEnded, ReasonMissing
from approvals.forms import WebhookForm
from approvals.queries import webhooks as queries
from approvals.services import webhooks as services
from orchestrator.domain import errors

MANAGE = "approvals.manage_webhooks"


@login_required
@permission_required(MANAGE, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def webhooks(request: HttpRequest) -> HttpResponse:
    """All of them, and the form for a new one."""
    form = WebhookForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_webhook(by=request.user, now=timezone.now(), **form.cleaned_data)
        except (errors.Refused, errors.PortFailure) as refused:
            form.add_error("url" if not isinstance(refused, ReasonMissing) else "reason", refused.message)
        else:
            return _page(request, "webhook_made", {"made": made})
    context = {"form": form, "webhooks": queries.cards()}
    return _page(request, "webhook_list", context, status=422 if form.errors else 200)


@login_required
@permission_required(MANAGE, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def webhook(request: HttpRequest, webhook: uuid.UUID) -> HttpResponse:
    """One of them with its delivery log: test it, renew its secret, end it."""
    card = queries.card(str(webhook))
    problem = ""
    if request.method == "POST":
        try:
            return _do(request, card, request.POST.get("do", ""))
        except (AlreadyEnded, ReasonMissing) as refused:
            problem = refused.message
    context = {
        "webhook": card,
        "deliveries": queries.deliveries(card.id),
        "problem": problem,
        "crumbs": [{"label": "Webhooks", "url": reverse("approvals:webhooks")}],
        "stops": ["It is told nothing more, also not what still waits to be delivered."],
    }
    return _page(request, "webhook_detail", context, status=422 if problem else 200)


def _do(request: HttpRequest, card: queries.WebhookCard, step: str) -> HttpResponse:
    common: dict[str, Any] = {"webhook": card.id, "by": request.user, "now": timezone.now()}
    if step == "renew":
        return _page(request, "webhook_made", {"made": services.renew_secret(**common), "is_renewed": True})
    if step == "test":
        services.send_test(**common)
        messages.success(request, "A test is on its way; its line below says what came of it.")
    elif step == "end":
        services.end_webhook(reason=request.POST.get("reason", "")[:2000], **common)
        messages.success(request, "Ended. It is told nothing more.")
    else:
        raise errors.Refused("This is not something that can be done to a webhook.")
    return HttpResponseRedirect(reverse("approvals:webhook", args=[card.id]))


def _page(request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = render(request, f"approvals/{name}.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response
