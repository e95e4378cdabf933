"""API tokens: of an agent, for whoever publishes agents; one's own, for people who sign off with programs of their own.

The secret stands in the answer that made it, and nowhere else: in no session, no message and no address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from approvals.domain.tokens import AGENT_SCOPES, PERSON_SCOPES, AlreadyRevoked, ReasonMissing
from approvals.forms import AgentTokenForm, TokenForm
from approvals.services import tokens
from orchestrator.domain import errors
from orchestrator.queries import published


@login_required
@permission_required("orchestrator.publish_agent", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def agent_tokens(request: HttpRequest, slug: str) -> HttpResponse:
    """Tokens of one agent: make one, end one."""
    spec = published.find_agent(slug)
    if spec is None:
        raise tokens.UnknownAgent(agent=slug)
    form = AgentTokenForm(
        request.POST if request.POST.get("do") == "create" else None,
        scopes=AGENT_SCOPES,
        policies=tokens.policies_to_choose(),
        label_suffix="",
    )
    context = {
        "form": form,
        "whose": spec.name,
        "agent": spec,
        "crumbs": [
            {"label": "Agents", "url": reverse("orchestrator:agents")},
            {"label": spec.name, "url": reverse("orchestrator:agent", args=[slug])},
        ],
        "back_url": reverse("approvals:agent_tokens", args=[slug]),
    }

    def make(given: dict[str, Any]) -> tokens.TokenMade:
        return tokens.create_agent_token(agent=slug, by=request.user, now=timezone.now(), **given)

    return _answer(request, context, make, {"agent": slug})


@login_required
@permission_required("approvals.sign_off", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required(enabled=lambda request: request.POST.get("do") == "create")
def own_tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens. Making one asks for the password again, when it was not given a moment ago."""
    form = TokenForm(
        request.POST if request.POST.get("do") == "create" else None, scopes=PERSON_SCOPES, label_suffix=""
    )
    context = {"form": form, "whose": "you", "agent": None, "back_url": reverse("approvals:own_tokens")}

    def make(given: dict[str, Any]) -> tokens.TokenMade:
        return tokens.create_person_token(by=request.user, now=timezone.now(), **given)

    return _answer(request, context, make, {"person": request.user.get_username()})


def _answer(
    request: HttpRequest,
    context: dict[str, Any],
    make: Callable[[dict[str, Any]], tokens.TokenMade],
    owner: dict[str, str],
) -> HttpResponse:
    form = context["form"]
    problem = ""
    if request.POST.get("do") == "revoke":
        try:
            tokens.revoke_token(
                token=request.POST.get("token", ""),
                reason=request.POST.get("reason", "")[:2000],
                by=request.user,
                now=timezone.now(),
                **owner,
            )
        except (ReasonMissing, AlreadyRevoked) as refused:
            problem = refused.message
        else:
            messages.success(request, "Revoked. It lets nobody in from now on.")
            return HttpResponseRedirect(context["back_url"])
    elif form.is_bound and form.is_valid():
        try:
            made = make(form.cleaned_data)
        except errors.Refused as refused:
            form.add_error(None, refused.message)
        else:
            return _page(request, "approvals/token_made.html", {**context, "made": made})
    status = 422 if form.errors or problem else 200
    shown = {**context, "tokens": tokens.token_cards(now=timezone.now(), **owner), "problem": problem}
    return _page(request, "approvals/token_list.html", shown, status=status)


def _page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = render(request, template, context, status=status)
    response["Cache-Control"] = "no-store"
    return response
