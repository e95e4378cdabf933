"""A person's control of a run: pause, resume, cancel, settle what is unconfirmed. Every change is a POST."""

from __future__ import annotations

import json
import uuid

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from orchestrator.domain import errors
from orchestrator.queries import watching as queries
from orchestrator.services import runs

CONTROL = "orchestrator.control_run"
MOST_REASON = 2000


class NotAssigned(errors.NotPermitted):
    """This is for the person it was given to, or somebody who may control runs. Nothing was changed."""


@require_POST
@login_required
@permission_required(CONTROL, raise_exception=True)
def pause(request: HttpRequest, run: uuid.UUID) -> HttpResponse:
    runs.pause_run(run=str(run), reason=_reason(request), by=request.user, now=timezone.now())
    return _done(request, run, "Paused. What is under way is finished and kept.")


@require_POST
@login_required
@permission_required(CONTROL, raise_exception=True)
def resume(request: HttpRequest, run: uuid.UUID) -> HttpResponse:
    runs.resume_run(run=str(run), reason=_reason(request), by=request.user, now=timezone.now())
    return _done(request, run, "Resumed.")


@require_POST
@login_required
@permission_required(CONTROL, raise_exception=True)
def cancel(request: HttpRequest, run: uuid.UUID) -> HttpResponse:
    runs.cancel_run(run=str(run), reason=_reason(request), by=request.user, now=timezone.now())
    return _done(request, run, "Cancelled. Nothing more begins.")


@require_POST
@login_required
def confirm(request: HttpRequest, run: uuid.UUID, action: str) -> HttpResponse:
    """Settle an unconfirmed action: `executed` is yes or no, `reason` says how they know."""
    found = queries.action_card(str(run), action)
    if not request.user.has_perm(CONTROL) and found.assigned_to != request.user.get_username():
        raise NotAssigned()
    answer = request.POST.get("executed")
    if answer not in {"yes", "no"}:
        raise errors.Refused("Say whether it happened: yes or no. Nothing was changed.")
    runs.confirm_action(
        run=str(run),
        action=action,
        executed=answer == "yes",
        text=_reason(request),
        by=request.user,
        now=timezone.now(),
    )
    return _done(request, run, "Settled. The run goes on with what you said.")


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").replace("\0", "\ufffd")[:MOST_REASON]


def _done(request: HttpRequest, run: uuid.UUID, words: str) -> HttpResponse:
    """To a fragment: say so, and let the page refresh itself. To a plain form: back to the run."""
    if request.headers.get("HX-Request"):
        told = {
            "toast": {"text": words, "tone": "success"},
            "sheet:close": True,
            "countersign:changed": {"stream": f"run:{run}"},
        }
        return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(told)})
    try:
        return redirect(reverse("monitoring:run", args=[run]))
    except NoReverseMatch:
        return redirect("/")
