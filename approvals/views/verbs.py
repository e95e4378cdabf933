"""What a person does to a case besides answering: take an answer back, revoke, ask, pick up, break the glass.

Each is a POST of its own. Whoever comes too late gets the case as it stands, with the sentence that says why.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from approvals.forms.cases import SaidForm
from approvals.services import break_glass as glass
from approvals.services import desk, pick_ups, questions, retractions, revocations
from approvals.views import step_up
from approvals.views.case import show_again, show_done
from approvals.views.inbox import SEE
from orchestrator.domain import errors

View = Callable[[HttpRequest, uuid.UUID], HttpResponse]


def _verb(act: Callable[[HttpRequest, str, SaidForm], str], *, releases: bool = False) -> View:
    """A view of one verb: `act` does it and returns the word about it. One that `releases` is an approval to the
    step-up, which asks once more who it is before something critical."""

    @login_required
    @permission_required(SEE, raise_exception=True)
    @never_cache
    @require_POST
    def view(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
        form = SaidForm(request.POST)
        if not form.is_valid():
            return show_again(
                request, request_id, "This is incomplete. Reload the page and do it again.", 422
            )
        sent = {**form.cleaned_data, "verb": "approve"}
        if releases and (asked := step_up.demand(request, case=request_id, sent=sent)) is not None:
            return asked
        try:
            said = act(request, str(request_id), form)
        except (errors.Refused, errors.Conflict, errors.NotPermitted) as refused:
            return show_again(request, request_id, refused.message, refused.status)
        return show_done(request, str(request_id), said)

    return view


def _retract(request: HttpRequest, id: str, form: SaidForm) -> str:
    reason = form.cleaned_data["reason"]
    retractions.retract(request=id, by=request.user, reason=reason, now=timezone.now())
    return "Your answer is taken back. You may answer again."


def _revoke(request: HttpRequest, id: str, form: SaidForm) -> str:
    revocations.revoke(request=id, by=request.user, reason=form.cleaned_data["reason"], now=timezone.now())
    return "Revoked before it was used. The agent is told why."


def _ask(request: HttpRequest, id: str, form: SaidForm) -> str:
    questions.ask(request=id, by=request.user, text=form.cleaned_data["reason"], now=timezone.now())
    return "The agent is asked. Its answer appears here; nothing waits for it."


def _pick_up(request: HttpRequest, id: str, form: SaidForm) -> str:
    pick_ups.pick_up(request=id, by=request.user, now=timezone.now())
    return "Colleagues see for five minutes that you look at this."


def _let_go(request: HttpRequest, id: str, form: SaidForm) -> str:
    pick_ups.let_go(person=request.user.get_username(), request=id)
    return "You let go of this case."


def _snooze(request: HttpRequest, id: str, form: SaidForm) -> str:
    until = timezone.localtime(desk.snooze(request=id, by=request.user, now=timezone.now()))
    return f"Put aside until {until:%H:%M}, for you alone."


def _wake(request: HttpRequest, id: str, form: SaidForm) -> str:
    desk.wake(request=id, by=request.user)
    return "It is in your list again."


def _break_glass(request: HttpRequest, id: str, form: SaidForm) -> str:
    after = glass.call(
        request=id,
        by=request.user,
        reason=form.cleaned_data["reason"],
        seen_digest=form.cleaned_data["seen_digest"],
        seen_version=form.cleaned_data["seen_version"] or 0,
        seen_call=form.cleaned_data["seen_call"],
        now=timezone.now(),
    )
    if after.status == "approved":
        return f"The glass is broken. {after.opened.follows} Every administrator is told."
    return "Called. A second person must call within the hour; every administrator is told."


retract, revoke, ask = _verb(_retract), _verb(_revoke), _verb(_ask)
snooze, wake = _verb(_snooze), _verb(_wake)
pick_up, let_go, break_glass = _verb(_pick_up), _verb(_let_go), _verb(_break_glass, releases=True)
