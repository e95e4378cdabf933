"""Signing in: nobody signs up, links work once and only on this machine, demo passwords only on this machine."""

from __future__ import annotations

import ipaddress
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from config import embedded, errors
from config.people import User
from config.people_record import note_person
from config.roles import ensure_roles
from config.sign_in_links import person_of, use_link

# username, how the person is called, role
SIGN_INS = [
    ("operator", "Olivia", "Operator", "operator"),
    ("admin", "Adam", "Admin", "admin"),
    ("reviewer", "Rosa", "Reviewer", "reviewer"),
    ("reviewer2", "Rafael", "Reviewer", "reviewer"),
    ("reviewer3", "Ruth", "Reviewer", "reviewer"),
]
LINK_IS_SPENT = errors.Fault(
    410,
    "This link was used or has ended",
    "A sign-in link works once, and only until Countersign is started again.",
    "link_spent",
    "Sign in with your password, or start Countersign again: it prints new links.",
)
NOT_THIS_MACHINE = errors.Fault(
    403,
    "This link works only on the machine that runs Countersign",
    "It was asked for from elsewhere, or through a proxy. You were not signed in.",
    "not_local",
    "Open it on that machine, or sign in with your password.",
)


CONFIRM_BY = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}


class ClosedAccounts(DefaultAccountAdapter):
    """Nobody signs up by themselves; an administrator invites. Demo passwords stay on this machine."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        given, demo = str(credentials.get("password") or ""), demo_password(settings.VAR_DIR)
        if demo and secrets.compare_digest(given.encode(), demo.encode()) and not is_local(request):
            raise ValidationError(
                "The demonstration password works only on the machine that runs Countersign. "
                "Ask an administrator for a password of your own."
            )
        super().pre_authenticate(request, **credentials)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The ways in which somebody can confirm who they are, in our words."""
        return [
            {**way, "description": CONFIRM_BY.get(way["id"], way["description"])}
            for way in super().get_reauthentication_methods(user)
        ]


def is_local(request: HttpRequest) -> bool:
    """Whether the request was made on this machine, to a loopback name, with no proxy in between."""
    if any(header in request.headers for header in ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")):
        return False
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and _is_loopback(host)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def follow_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button, so that a preview or a prefetch signs nobody in; POST uses the link up."""
    if not is_local(request):
        return errors.answer(request, NOT_THIS_MACHINE)
    now = timezone.now()
    if request.method != "POST":
        person = person_of(token=token, now=now)
        if person is None:
            return errors.answer(request, LINK_IS_SPENT)
        return render(request, "account/sign_in_link.html", {"person": person})
    person = use_link(token=token, now=now)
    if person is None:
        return errors.answer(request, LINK_IS_SPENT)
    if is_mfa_enabled(person):
        # The link stands in for the password alone.
        return perform_login(request, person, email_verification="none")
    login(request, person)
    # A one-time secret of this machine's terminal shows who came in. It is no password given again, so what changes
    # how somebody signs in still asks for that.
    record_authentication(request, person, method="link")
    return HttpResponseRedirect(settings.LOGIN_REDIRECT_URL)


@transaction.atomic
def ensure_sign_ins(*, var: Path, password: str = "") -> None:
    """Create the seeded people with their roles. A password that a person has changed is left alone.

    With `password` (the demonstration password) all get that one. Without it each has a random one, kept in
    `var/keys`, and one that still is an earlier demonstration password is replaced.
    """
    from django.contrib.auth.models import Group

    ensure_roles()
    before = demo_password(var)
    for username, first, last, role in SIGN_INS:
        person, is_new = User.objects.get_or_create(
            username=username, defaults={"first_name": first, "last_name": last, "is_staff": role == "admin"}
        )
        if is_new:
            person.groups.add(Group.objects.get(name=role))
            note_person(username, "invited", by="", now=timezone.now(), roles=[role])
        if password and (is_new or password != before):
            person.set_password(password)
        elif not password and (is_new or (before and person.check_password(before))):
            person.password = _stored(embedded.secret(var, f"password_{username}"))
        else:
            continue
        person.save(update_fields=["password"])
        if not is_new:
            note_person(username, "password_reset", by="", now=timezone.now())
    embedded.keep_secret(var, "demo_password", password)


def demo_password(var: Path) -> str:
    """The demonstration password in force, or nothing."""
    return embedded.kept_secret(var, "demo_password")


def _stored(secret: str) -> str:
    """320 random bits cannot be guessed, however fast one guesses; Django hashes anew when it is first used."""
    hasher = PBKDF2PasswordHasher()
    return str(hasher.encode(secret, hasher.salt(), iterations=1000))


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
