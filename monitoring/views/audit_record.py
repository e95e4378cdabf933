"""The record itself: verify it, sign its heads, take it out, erase from it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date

from approvals.services.retention import requests_of
from monitoring.queries.audit_record import gone_words, record_page, verifications
from monitoring.services import audit_retention, audit_verify
from monitoring.views.audit import audited, keeping
from monitoring.views.audit_download import streamed
from monitoring.views.files import as_download
from orchestrator import kinds
from orchestrator.domain import errors
from orchestrator.services import checkpoints
from orchestrator.services import export as exporting

CHECKPOINTS = 10


@audited
def record(request: HttpRequest) -> HttpResponse:
    if request.headers.get("X-Fragments") or request.headers.get("HX-Request"):
        return _answer(request, "monitoring/_audit_verification.html", _verification())
    page = record_page()
    context = {
        "page": page,
        "tab": "record",
        "kinds": sorted(kinds.NAMES),
        "gone": [(event, *gone_words(event)) for event in page.gone],
        "checkpoints": checkpoints.latest(CHECKPOINTS),
        **_verification(),
    }
    return _answer(request, "monitoring/audit_record.html", context)


@keeping
def verify(request: HttpRequest) -> HttpResponse:
    audit_verify.begin(by=request.user.get_username(), now=timezone.now())
    return _back()


@keeping
def checkpoint(request: HttpRequest) -> HttpResponse:
    taken = checkpoints.take_checkpoint(by=f"user:{request.user.get_username()}", now=timezone.now())
    messages.success(request, f"Signed {taken.header['streams']} streams: {taken.digest[:16]}.")
    return _back()


@keeping
def export(request: HttpRequest) -> HttpResponseBase:
    given = request.POST
    kind = given.get("kind", "")
    run = given.get("run", "").strip()
    scope = exporting.Scope(
        run=run,
        kinds=(kind,) if kind in kinds.NAMES else (),
        since=_day(given.get("since", ""), 0),
        until=_day(given.get("until", ""), 1),
        contents=given.get("contents") == "yes",
    )
    now = timezone.now()
    requests = requests_of([run])[run] if _is_id(run) else []
    lines = exporting.export_log(scope, requests=tuple(requests), now=now)
    exporting.record_export(scope, by=f"user:{request.user.get_username()}", now=now)
    return streamed(request, lines, f"countersign-{now:%Y%m%d-%H%M%S}.jsonl")


@keeping
def erase(request: HttpRequest) -> HttpResponse:
    audit_retention.erase_content(
        digest=request.POST.get("digest", "")[:200],
        reason=request.POST.get("reason", "")[:2000],
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, "The content is erased. Its digest and your reason stay on the record.")
    if request.headers.get("HX-Request"):
        # What is refused stays in the sheet with what was typed; what is done shows the page anew.
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("monitoring:audit_record")})
    return _back()


@audited
def verifier(request: HttpRequest) -> HttpResponse:
    """The stand-alone verifier, to be handed on with an export."""
    return as_download((settings.BASE_DIR / "verifier" / "verify_export.py").read_bytes(), "verify_export.py")


def _verification() -> dict[str, Any]:
    running = audit_verify.under_way()
    if running:
        running["percent"] = min(99, 100 * running["events"] // max(running["of"], 1))
    return {"running": running, "verifications": verifications()}


def _answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("monitoring:audit_record"))


def _day(text: str, days: int) -> dt.datetime | None:
    if not text:
        return None
    try:
        day = parse_date(text)
        if day is not None:
            return timezone.make_aware(dt.datetime.combine(day + dt.timedelta(days=days), dt.time()))
    except (ValueError, OverflowError):
        pass
    raise errors.Refused(f"{text[:40]} is not a day. Write it as 2026-11-25; nothing was exported.")


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
