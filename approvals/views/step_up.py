"""Step-up: who approves what is critical has proved within the last minutes that it is they.

An open browser is not enough for the gravest decisions. Password, passkey or a code of the authenticator app count,
given at sign-in or once more. Whoever has to give one again comes back to the case as it then stands, with what they
had typed; nothing is decided on the way, they answer again there.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from approvals.queries.tiers import waiting_tier
from orchestrator.domain import errors

GRAVE = frozenset({"critical"})
SESSION_KEY = "approvals_typed"
# What was typed waits in the session: of few cases, of each a few short fields, and not for longer than this.
MOST_CASES, MOST_FIELDS, MOST_CHARACTERS = 3, 5, 2000
KEPT_SECONDS = 15 * 60


class CannotConfirm(errors.NotPermitted):
    """This is critical, and you have no password and no passkey to show that it is you. Ask an administrator for one."""


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session's person proved who they are within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds."""
    now = time.time()
    shown = [float(record.get("at", 0)) for record in get_authentication_records(request, request.user)]
    return any(0 <= now - at < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT for at in shown)


def demand(request: HttpRequest, *, case: uuid.UUID, sent: Mapping[str, Any]) -> HttpResponse | None:
    """The answer that sends somebody to confirm who they are, or None when the sign-off may go on.

    `sent` are the form's cleaned fields; of those, `verb` is looked at and what a person types is kept. Raises
    CannotConfirm for whoever has nothing to confirm with.
    """
    if sent.get("verb") != "approve" or waiting_tier(case) not in GRAVE or is_fresh(request):
        _forget(request, case)
        return None
    ways = get_adapter(request).get_reauthentication_methods(request.user)
    if not ways:
        raise CannotConfirm(request=str(case))
    _keep(request, case, sent)
    messages.info(
        request,
        "This is critical: confirm that it is you. Nothing is decided yet; you then approve it on its case.",
    )
    back = urlencode({"next": reverse("approvals:case", args=[case])})
    address = f"{ways[0]['url']}?{back}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def typed(request: HttpRequest, case: uuid.UUID | str) -> dict[str, str]:
    """What this person had typed on this case when they were sent to confirm; empty when nothing is kept."""
    kept = _kept(request).get(str(case))
    return dict(kept["fields"]) if kept else {}


def _keep(request: HttpRequest, case: uuid.UUID, sent: Mapping[str, Any]) -> None:
    fields = {
        name: value[:MOST_CHARACTERS]
        for name, value in sent.items()
        if isinstance(value, str) and value.strip() and name not in _NOT_TYPED
    }
    others = {key: kept for key, kept in _kept(request).items() if key != str(case)}
    newest = dict(list(others.items())[-(MOST_CASES - 1) :])
    few = dict(list(fields.items())[:MOST_FIELDS])
    request.session[SESSION_KEY] = {**newest, str(case): {"at": time.time(), "fields": few}}


def _forget(request: HttpRequest, case: uuid.UUID) -> None:
    if str(case) in request.session.get(SESSION_KEY, {}):
        request.session[SESSION_KEY] = {key: kept for key, kept in _kept(request).items() if key != str(case)}


def _kept(request: HttpRequest) -> dict[str, Any]:
    now = time.time()
    kept = request.session.get(SESSION_KEY, {})
    return {key: one for key, one in kept.items() if 0 <= now - one["at"] < KEPT_SECONDS}


# The page says these anew: an answer is bound to what is shown when it is given.
_NOT_TYPED = frozenset({"verb", "seen_digest", "seen_version", "opened_at", "csrfmiddlewaretoken"})
