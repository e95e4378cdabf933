"""Sign-offs that come from a person's own program, with their token: the same answer, without the page."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth import get_user_model

from approvals.queries import requests
from approvals.services import sign_offs
from orchestrator.domain import errors
from orchestrator.domain.callers import Caller


class NotAPerson(errors.NotPermitted):
    """A token of an agent never decides. A person signs off, on the page or with a token of their own."""


class OnlyOnThePage(errors.NotPermitted):
    """A critical request is approved on its page, by a person who has just signed in again. It may be rejected here."""


def sign_off(
    *,
    caller: Caller,
    request: str,
    verb: str,
    seen_digest: str,
    seen_version: int,
    reason: str = "",
    now: dt.datetime,
) -> sign_offs.Answered:
    """Answer a request as the token's person. Raises what `sign_offs.sign_off` raises, NotAPerson, OnlyOnThePage."""
    if not caller.person or caller.agent:
        raise NotAPerson(code="service_identity")
    found = requests.load(request)
    if verb == "approve" and found.opened.tier == "critical" and found.status == "pending":
        raise OnlyOnThePage(code="step_up")
    return sign_offs.sign_off(
        request=found.opened.request,
        by=get_user_model().objects.get(username=caller.person),
        verb=verb,
        seen_digest=seen_digest,
        seen_version=seen_version,
        reason=reason,
        now=now,
    )
