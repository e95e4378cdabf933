"""A person's own page of their mail address: write it, confirm it by a link, send oneself a test mail.

The link is followed by GET, which shows what it would confirm; POST confirms. It counts only for whoever is signed in as
the person who wrote the address, so that a stranger who got it by a slip of the pen confirms nothing.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.core.internal import ratelimit
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from approvals.adapters import mail, telling
from approvals.adapters.outcomes import Outcome
from approvals.domain.visible import visible
from approvals.services.notifications import trial_mail
from approvals.views.step_up import is_fresh
from config import errors as pages
from config import mail_address
from config.people import User, signed_in
from orchestrator.domain import errors

LINK_IS_SPENT = pages.Fault(
    410,
    "This link confirms nothing",
    "It was used, has ended, or is for an address that somebody else wrote. Nothing was changed.",
    "link_spent",
    "Sign in as the person who wrote the address, and have a new link sent.",
)
# Links to an address that may be a stranger's, and tests to one's own: few, so that nobody is flooded from here.
LIMITS = {"mail_link": "6/1h/user,3/1h/key", "mail_test": "10/1h/user"}


class AddressForm(forms.Form):
    address = forms.EmailField(
        label="Mail address",
        max_length=254,
        help_text="A link goes there. Nothing else does before you have followed it.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    use_required_attribute = False


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def mail_page(request: HttpRequest) -> HttpResponse:
    me = signed_in(request)
    step = request.POST.get("do", "") if request.method == "POST" else ""
    form = AddressForm(
        request.POST if step == "give" else None,
        initial={"address": request.GET.get("address", "")[:254]},
        label_suffix="",
    )
    answer: dict[str, Any] | None = None
    if step in {"give", "forget"} and not is_fresh(request):
        return _confirm_first(request)
    if step == "give":
        answer = _given(request, me, form) if form.is_valid() else None
    elif step == "again":
        answer = _sent_again(request, me)
    elif step == "forget":
        _tell_the_old(mail_address.forget(person=me, now=timezone.now()), me)
        messages.success(request, "You get no mail any more.")
        return HttpResponseRedirect(reverse("mail_address"))
    elif step == "test":
        answer = _tested(request, me)
    elif request.method == "POST":
        raise errors.Refused("This is not something that can be done to a mail address.")
    context = {
        "form": form,
        "mine": mail_address.address_of(me.username),
        "answer": answer,
        "hours": settings.MAIL_LINK_HOURS,
        "has_server": bool(settings.EMAIL_HOST),
        "crumbs": [{"label": "Notifications", "url": reverse("approvals:notifications")}],
    }
    is_wrong = bool(form.errors) or (answer is not None and answer["tone"] == "failed")
    return render(request, "account/mail_address.html", context, status=422 if is_wrong else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, key: str) -> HttpResponse:
    me = signed_in(request)
    try:
        if request.method != "POST":
            found = mail_address.waiting(person=me, key=key)
            return render(request, "account/mail_confirm.html", {"mine": found})
        found = mail_address.confirm(person=me, key=key, now=timezone.now())
    except mail_address.LinkSpent:
        return pages.answer(request, LINK_IS_SPENT)
    messages.success(request, f"Confirmed. Mail for you goes to {visible(found.address)}.")
    return HttpResponseRedirect(reverse("mail_address"))


def _given(request: HttpRequest, me: User, form: AddressForm) -> dict[str, Any]:
    address = form.cleaned_data["address"].lower()
    known = mail_address.address_of(me.username)
    if known is not None and known.is_confirmed and known.address == address:
        return _answer("succeeded", "It is confirmed already", "Nothing was changed.")
    if not _may("mail_link", request, key=address):
        return _too_many()
    _tell_the_old(mail_address.give(person=me, address=address, now=timezone.now()), me)
    return _link_sent(me, address)


def _sent_again(request: HttpRequest, me: User) -> dict[str, Any]:
    known = mail_address.address_of(me.username)
    if known is None or known.is_confirmed:
        raise mail_address.NothingToConfirm()
    return _link_sent(me, known.address) if _may("mail_link", request, key=known.address) else _too_many()


def _tested(request: HttpRequest, me: User) -> dict[str, Any]:
    if not _may("mail_test", request):
        return _too_many()
    try:
        notice = trial_mail.want(person=me, now=timezone.now())
    except errors.Refused as refused:
        return _answer("failed", "Nothing was sent", refused.message)
    outcome = telling.send_now(notice)
    if outcome is None:
        said = _answer("waiting", "It is on its way", "Look into your mailbox in a minute.")
    elif outcome.arrived:
        said = _answer(
            "succeeded", "The mail server took it", "It should be in your mailbox within a minute."
        )
        if not settings.EMAIL_HOST:
            said = _answer(
                "waiting", "It was written as a file", "No mail server is set, so nothing leaves here."
            )
    else:
        said = _answer("failed", "It was not taken", outcome.why)
    came_of_it = "unknown" if outcome is None else "taken" if outcome.arrived else "refused"
    mail_address.note_test(person=me, outcome=came_of_it, now=timezone.now())
    return said


def _link_sent(me: User, address: str) -> dict[str, Any]:
    link = settings.PUBLIC_URL.rstrip("/") + reverse(
        "account_confirm_email", args=[mail_address.link_key(me)]
    )
    text = (
        f"{visible(me.username)} wrote this address to be told by Countersign about requests and runs.\n\n"
        f"If that was you, sign in and confirm it within {settings.MAIL_LINK_HOURS} hours:\n\n{link}\n\n"
        "If it was not, do nothing: no other mail comes.\n"
    )
    outcome = mail.send_text(to=address, subject="Confirm this address for Countersign", text=text)
    if not outcome.arrived:
        return _answer("failed", "The link was not taken", _why(outcome))
    if not settings.EMAIL_HOST:
        return _answer(
            "waiting", "The link was written as a file", "No mail server is set, so nothing leaves here."
        )
    return _answer("succeeded", "The link is on its way", f"The mail server took it for {visible(address)}.")


def _why(outcome: Outcome) -> str:
    return f"{outcome.why} The address is kept: have the link sent again when that is mended."


def _tell_the_old(before: mail_address.MailAddress | None, me: User) -> None:
    """Say so at the address that mail went to until now; whether that arrives changes nothing."""
    if before is not None and before.is_confirmed:
        text = (
            f"{visible(me.username)} no longer has Countersign send mail here.\n\n"
            "If that is you and it was not you who changed it, tell an administrator at once.\n"
        )
        mail.send_text(to=before.address, subject="Countersign sends no mail here any more", text=text)


def _confirm_first(request: HttpRequest) -> HttpResponse:
    """Where mail goes decides who learns of critical requests, so it asks who is there, as signing in does."""
    ways = get_adapter(request).get_reauthentication_methods(request.user)
    if not ways:
        raise errors.NotPermitted(
            "You have no password and no passkey to show that it is you. Ask an administrator."
        )
    messages.info(request, "Confirm that it is you first. Nothing was changed yet.")
    typed = urlencode({"address": request.POST.get("address", "")[:254]})
    back = urlencode({"next": f"{reverse('mail_address')}?{typed}"})
    return HttpResponseRedirect(f"{ways[0]['url']}?{back}")


def _may(action: str, request: HttpRequest, key: str | None = None) -> bool:
    used = ratelimit.consume(request, app="config", action=action, config=LIMITS, key=key, user=request.user)
    return used is not None


def _too_many() -> dict[str, Any]:
    return _answer("failed", "Too many mails within an hour", "Nothing was sent. Wait, then try again.")


def _answer(tone: str, title: str, text: str) -> dict[str, Any]:
    return {"tone": tone, "title": title, "text": text}
