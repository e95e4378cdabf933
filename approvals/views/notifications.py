"""A person's own page on how they are told, and what an open page asks for. Reading changes nothing."""

from __future__ import annotations

from dataclasses import asdict

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from approvals.domain.notices import Preference
from approvals.forms.notifications import PreferenceForm
from approvals.services.notifications import open_pages, preferences
from approvals.views.inbox import SEE
from orchestrator.domain import errors


@login_required
@permission_required(SEE, raise_exception=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: HttpRequest) -> HttpResponse:
    me = request.user.get_username()
    if request.method == "POST" and request.POST.get("do") == "reset":
        preferences.forget(subject=me)
        messages.success(request, "You are told as your groups are.")
        return redirect("approvals:notifications")
    stated = preferences.of_person(request.user)
    form = PreferenceForm(
        request.POST or None,
        initial=initial(stated.preference),
        label_suffix="",
    )
    if form.is_valid():
        try:
            preferences.save(subject=me, wants=form.preference())
        except errors.Refused as refused:
            form.add_error(str(refused.facts["field"]), refused.message)
        else:
            messages.success(request, "Saved. It holds for what happens from now on.")
            return redirect("approvals:notifications")
    context = {"form": form, "stated": stated, "zone": settings.TIME_ZONE}
    return render(
        request, "approvals/notification_settings.html", context, status=422 if form.errors else 200
    )


@login_required
@permission_required(SEE, raise_exception=True)
@never_cache
@require_safe
def browser_notices(request: HttpRequest) -> JsonResponse:
    """What is new for this person's open pages past the place in `after`."""
    news = open_pages.news(
        person=request.user.get_username(), after=request.GET.get("after", "")[:60], now=timezone.now()
    )
    return JsonResponse(asdict(news))


def initial(preference: Preference) -> dict[str, object]:
    """A preference as a form shows it."""
    return {
        "mail": list(preference.mail),
        "browser": list(preference.browser),
        "round_up": list(preference.round_up),
        "round_up_at": preference.round_up_at,
        "quiet_from": preference.quiet_from,
        "quiet_until": preference.quiet_until,
    }
