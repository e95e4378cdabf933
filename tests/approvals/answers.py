"""What people answer, as short as a test can say it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from approvals.services import sign_offs


def approve(request: Any, by: Any, **changes: Any) -> sign_offs.Answered:
    return _answer(request, by, "approve", **changes)


def reject(request: Any, by: Any, reason: str = "wrong IBAN", **changes: Any) -> sign_offs.Answered:
    return _answer(request, by, "reject", reason=reason, **changes)


def _answer(request: Any, by: Any, verb: str, **changes: Any) -> sign_offs.Answered:
    seen = {"seen_digest": request.digest, "seen_version": request.version, "reason": "", **changes}
    return sign_offs.sign_off(request=str(request.id), by=by, verb=verb, now=timezone.now(), **seen)
