"""Outgoing: which programs are told, how groups are told, and the log of what was sent. For administrators."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from approvals.adapters import telling
from approvals.domain import notices_hooks
from approvals.forms.notifications import HookForm, LogFilter, PreferenceForm
from approvals.queries import notifications as queries
from approvals.services.notifications import hooks, preferences, tries
from approvals.views.notifications import initial
from orchestrator.domain import errors

MANAGE = "approvals.manage_hooks"


@login_required
@permission_required(MANAGE, raise_exception=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def outgoing(request: HttpRequest) -> HttpResponse:
    """All hooks, the form for a new one, and the log."""
    form = HookForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            made = hooks.create(by=request.user, now=timezone.now(), **form.cleaned_data)
        except (errors.Refused, errors.PortFailure) as refused:
            field = str(refused.facts.get("field", "url"))
            form.add_error(field, refused.message)
        else:
            return render(request, "approvals/hook_made.html", {"made": made})
    wanted = LogFilter(request.GET)
    wanted.is_valid()
    given = queries.Wanted(**{key: wanted.cleaned_data.get(key, "") for key in ("to", "channel", "state")})
    page, rows = queries.sent_log(given, request.GET.get("page", 1))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "form": form,
        "hooks": queries.hooks(timezone.now()),
        "groups": preferences.groups(),
        "stated_groups": queries.group_preferences(),
        "wanted": given,
        "filter": wanted,
        "page": page,
        "rows": rows,
        "query": query.urlencode(),
        "mail_words": _mail_words(),
    }
    return render(request, "approvals/outgoing.html", context, status=422 if form.errors else 200)


@login_required
@permission_required(MANAGE, raise_exception=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def hook(request: HttpRequest, hook: uuid.UUID) -> HttpResponse:
    """One hook: test it, renew its secret, end it."""
    key = str(hook)
    card = queries.hook(key, timezone.now())
    answer: dict[str, Any] | None = None
    problem = ""
    if request.method == "POST":
        common: dict[str, Any] = {"hook": key, "by": request.user, "now": timezone.now()}
        step = request.POST.get("do", "")
        try:
            if step == "test":
                answer = _tested(hooks.want_test(**common))
            elif step == "renew":
                made = hooks.renew(**common)
                return render(request, "approvals/hook_made.html", {"made": made, "is_renewed": True})
            elif step == "end":
                hooks.end(reason=request.POST.get("reason", "")[:2000], **common)
                messages.success(request, "Ended. It is told nothing more.")
                return redirect("approvals:hook", hook=key)
            else:
                problem = "This is not something that can be done to a hook."
        except errors.Refused as refused:
            problem = refused.message
        card = queries.hook(key, timezone.now())
    page, rows = queries.sent_log(queries.Wanted(to=key), request.GET.get("page", 1))
    context = {
        "hook": card,
        "answer": answer,
        "problem": problem,
        "page": page,
        "rows": rows,
        "kind_words": notices_hooks.KIND_WORDS.get(card.kind, card.kind),
        "crumbs": [{"label": "Outgoing", "url": reverse("approvals:outgoing")}],
    }
    return render(request, "approvals/hook_detail.html", context, status=422 if problem else 200)


@login_required
@permission_required(MANAGE, raise_exception=True)
@require_POST
def retry_notice(request: HttpRequest, notice: int) -> HttpResponse:
    try:
        tries.again(notice=notice, now=timezone.now())
    except errors.Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "It is tried again now.")
    return redirect("approvals:outgoing")


@login_required
@permission_required(MANAGE, raise_exception=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def group_notifications(request: HttpRequest, group: str) -> HttpResponse:
    """How the members of a group are told who said nothing themselves."""
    stated = preferences.of_group(group)
    if request.method == "POST" and request.POST.get("do") == "reset":
        preferences.forget(subject=group, is_group=True)
        messages.success(request, "The default holds for this group.")
        return redirect("approvals:outgoing")
    form = PreferenceForm(request.POST or None, initial=initial(stated.preference), label_suffix="")
    if form.is_valid():
        try:
            preferences.save(subject=group, wants=form.preference(), is_group=True)
        except errors.Refused as refused:
            form.add_error(str(refused.facts["field"]), refused.message)
        else:
            messages.success(request, "Saved. It holds for members who said nothing themselves.")
            return redirect("approvals:outgoing")
    context = {
        "form": form,
        "group": group,
        "stated": stated,
        "zone": settings.TIME_ZONE,
        "crumbs": [{"label": "Outgoing", "url": reverse("approvals:outgoing")}],
    }
    return render(request, "approvals/group_notifications.html", context, status=422 if form.errors else 200)


def _tested(notice: int) -> dict[str, Any]:
    """Send the test while the administrator waits, and say what the other side answered."""
    outcome = telling.send_now(notice)
    if outcome is None:
        return {
            "tone": "waiting",
            "title": "The test is on its way",
            "text": "Its line below says what came of it.",
        }
    if outcome.arrived:
        return {"tone": "succeeded", "title": "It arrived", "text": f"The answer was {outcome.status}."}
    return {"tone": "failed", "title": "It did not arrive", "text": outcome.why}


def _mail_words() -> str:
    """Where mail goes, in a sentence."""
    if settings.EMAIL_HOST:
        return f"Mail goes through {settings.EMAIL_HOST}:{settings.EMAIL_PORT}, from {settings.DEFAULT_FROM_EMAIL}."
    return "No mail server is set (EMAIL_HOST): mails are written as files under mail in the data folder."
