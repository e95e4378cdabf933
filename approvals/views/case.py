"""One case: the review page, and the answer to it.

An answer is a POST that echoes what was shown. Whoever comes too late, or answers to something that has changed,
gets the case as it stands now in the same response, with the sentence that says who decided and how.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from approvals.domain import deliberate
from approvals.domain.visible import visible
from approvals.forms import SignOffForm
from approvals.queries import case as queries
from approvals.queries import case_answer
from approvals.queries import inbox as inbox_queries
from approvals.services import sign_offs
from approvals.views import step_up
from approvals.views.inbox import SEE, list_context
from orchestrator.domain import errors


@login_required
@permission_required(SEE, raise_exception=True)
@never_cache
@require_safe
def case(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """The page; the case alone for htmx, or 204 when it is what the page shows already."""
    found = queries.case(request=str(request_id), person=request.user)
    if _is_fragment(request):
        if request.GET.get("token") == found.token:
            return HttpResponse(status=204)
        return render(request, "approvals/_case_swap.html", _context(request, found))
    context = {**list_context(request, current=str(request_id)), **_context(request, found)}
    return render(request, "approvals/case_detail.html", context)


@login_required
@permission_required(SEE, raise_exception=True)
@never_cache
@require_POST
def sign_off(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    form = SignOffForm(request.POST)
    if not form.is_valid():
        return show_again(request, request_id, _words(form), 422)
    sent = form.cleaned_data
    if sent["verb"] == "approve":
        asks, amount = case_answer.asked_of(str(request_id))
        problem = deliberate.missing(asks, amount=amount, typed=sent["amount"], reason=sent["reason"])
        if problem:
            return show_again(request, request_id, problem, 422)
    if (asked := step_up.demand(request, case=request_id, sent=sent)) is not None:
        return asked
    try:
        answered = sign_offs.sign_off(
            request=str(request_id),
            by=request.user,
            verb=sent["verb"],
            seen_digest=sent["seen_digest"],
            seen_version=sent["seen_version"],
            reason=sent["reason"],
            opened_at=sent["opened_at"],
            now=timezone.now(),
        )
    except (errors.Refused, errors.Conflict, errors.NotPermitted) as refused:
        return show_again(request, request_id, refused.message, refused.status)
    return _answered(request, str(request_id), answered)


def _answered(request: HttpRequest, request_id: str, answered: sign_offs.Answered) -> HttpResponse:
    return show_done(request, request_id, _said(answered), is_answer=True)


def show_done(request: HttpRequest, request_id: str, said: str, *, is_answer: bool = False) -> HttpResponse:
    """The case as it stands after something was done to it, with a word about it. After an answer the page goes on to
    the next case by itself."""
    if not _is_fragment(request):
        messages.success(request, said)
        return redirect("approvals:case", request_id=request_id)
    found = queries.case(request=request_id, person=request.user)
    response = render(request, "approvals/_case_swap.html", _context(request, found, oob=True))
    told: dict[str, Any] = {"toast": {"text": said, "tone": "success"}}
    if is_answer:
        told = {"inbox:answered": {"request": request_id, "sentence": visible(found.sentence), "text": said}}
    response["HX-Trigger"] = json.dumps({**told, "countersign:changed": {}})
    return response


def _said(answered: sign_offs.Answered) -> str:
    if answered.repeated:
        return "You gave this answer already; it counts once."
    if answered.status == "pending":
        return "Your approval is recorded. It waits for more people."
    return {"approved": f"Approved. {answered.follows}", "rejected": "Rejected. The agent is told why."}.get(
        answered.status, f"Recorded. The request is {answered.status}."
    )


def show_again(request: HttpRequest, request_id: uuid.UUID, problem: str, status: int) -> HttpResponse:
    """The case as it stands now, with what was wrong with the answer."""
    found = queries.case(request=str(request_id), person=request.user)
    if _is_fragment(request):
        context = _context(request, found, problem=problem, oob=True)
        response = render(request, "approvals/_case_swap.html", context, status=status)
        response["HX-Trigger"] = json.dumps({"countersign:changed": {}})
        return response
    context = {**list_context(request, current=str(request_id)), **_context(request, found, problem=problem)}
    return render(request, "approvals/case_detail.html", context, status=status)


def _context(request: HttpRequest, found: queries.Case, **more: Any) -> dict[str, Any]:
    upcoming = inbox_queries.next_for(request.user, after=found.id)
    echo = {
        "seen_digest": found.digest,
        "seen_version": found.version,
        "opened_at": timezone.now().isoformat(),
    }
    return {
        "case": found,
        "next_url": reverse("approvals:case", args=[upcoming]) if upcoming else "",
        "approve_hidden": {"verb": "approve", **echo},
        "reject_hidden": {"verb": "reject", **echo},
        "reject_stops": [found.sentence],
        "glass_happened": [f"{call.person} called: {call.reason}" for call in found.life.glass],
        "glass_hidden": {**echo, "seen_call": found.life.glass[-1].person if found.life.glass else ""},
        "typed": step_up.typed(request, found.id),
        **more,
    }


def _words(form: SignOffForm) -> str:
    if "reason" in form.errors:
        return " ".join(str(error) for error in form.errors["reason"])
    return "This answer is incomplete, so nothing was decided. Reload the page and answer again."


def _is_fragment(request: HttpRequest) -> bool:
    return bool(request.headers.get("HX-Request")) and not request.headers.get("HX-Boosted")
