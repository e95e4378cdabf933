"""The People page and each person's own: who may do what here. Only for whoever may manage people."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from approvals.domain.delegations import DelegationOver
from approvals.services.delegations import UnknownDelegation
from config import groups, mail_address, people_record, roles, staff, standing_in
from config.people import signed_in
from orchestrator.domain import errors
from orchestrator.queries import catalogue

MANAGE = "config.manage_people"
# What is said on the person's own page, where something else can be chosen.
REFUSALS = (
    staff.Unacceptable,
    staff.OwnStanding,
    staff.LastAdministrator,
    staff.NoSecondFactor,
    DelegationOver,
    UnknownDelegation,
)
ROLE_WORDS = [
    ("operator", "Operator: starts runs, pauses and cancels them"),
    ("reviewer", "Reviewer: approves and rejects held actions"),
    ("admin", "Administrator: publishes agents and workflows, manages people"),
]


class InviteForm(forms.Form):
    username = forms.CharField(
        max_length=60, help_text="Small letters, digits, dots, - and _. It stays for ever."
    )
    name = forms.CharField(max_length=150, help_text="How people call them.")
    roles = forms.MultipleChoiceField(choices=ROLE_WORDS, widget=forms.CheckboxSelectMultiple, required=False)

    use_required_attribute = False


class RolesForm(forms.Form):
    roles = forms.MultipleChoiceField(choices=ROLE_WORDS, widget=forms.CheckboxSelectMultiple, required=False)


class GroupsForm(forms.Form):
    groups = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["groups"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, name) for name in groups.names()]


@login_required
@permission_required(MANAGE, raise_exception=True)
@require_http_methods(["GET", "HEAD"])
def people(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:100]
    paged, cards = staff.people(words=words, page=request.GET.get("page", "1"))
    absences = standing_in.of_list(cards, timezone.now())
    context = {
        "people": [(card, absences[card.username]) for card in cards],
        "page": paged,
        "words": words,
        "query": urlencode({"q": words}) if words else "",
        "tabs": tabs("people"),
        "tabs_label": "People and groups",
    }
    return page_of(request, "people/list.html", context)


@login_required
@permission_required(MANAGE, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            password = staff.invite_person(
                username=given["username"].strip(),
                name=given["name"],
                roles=given["roles"],
                by=signed_in(request),
                now=timezone.now(),
            )
        except staff.Unacceptable as error:
            form.add_error(error.field, error.message)
        else:
            # Shown in the answer itself: kept in no session, no message and no address.
            context = {
                "person": staff.find_person(given["username"].strip()),
                "password": password,
                "is_new": True,
            }
            return page_of(request, "people/password.html", context)
    status = 422 if form.errors else 200
    return page_of(request, "people/invite.html", {"form": form, "crumbs": _crumbs()}, status=status)


@login_required
@permission_required(MANAGE, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: HttpRequest, username: str) -> HttpResponse:
    card = staff.find_person(username)
    problem = ""
    is_standing_in = request.method == "POST" and request.POST.get("do") == "stand_in"
    stand_in = standing_in.form_for(card, request.POST if is_standing_in else None)
    if is_standing_in:
        if stand_in is None:
            problem = f"{card.name} decides no requests, so there is nothing to hand over."
        elif standing_in.set_for(card, stand_in, by=signed_in(request)):
            messages.success(request, f"It is set. {card.name} is told.")
            return HttpResponseRedirect(reverse("person", args=[card.username]))
    elif request.method == "POST":
        try:
            return _do(request, card, request.POST.get("do", ""))
        except REFUSALS as error:
            problem = error.message
    context = {
        "stand_in": stand_in,
        "mail": mail_address.address_of(card.username),
        "delegations": standing_in.of_person(card, timezone.now()),
        "person": card,
        "form": RolesForm(initial={"roles": card.roles}, label_suffix=""),
        "groups_form": GroupsForm(initial={"groups": card.groups}, label_suffix=""),
        "history": people_record.history_of_person(card.username),
        "problem": problem,
        "is_self": card.username == request.user.get_username(),
        "may": sorted({words for role in card.roles for words in _permissions(role)}),
        "answers_for": catalogue.owned_by(card.username),
        "crumbs": _crumbs(),
    }
    is_wrong = problem or (stand_in is not None and stand_in.errors)
    return page_of(request, "people/person.html", context, status=422 if is_wrong else 200)


def _do(request: HttpRequest, card: staff.PersonCard, step: str) -> HttpResponse:
    common: dict[str, Any] = {"username": card.username, "by": request.user, "now": timezone.now()}
    if step == "roles":
        staff.set_roles(roles=request.POST.getlist("roles"), **common)
        said = f"The roles of {card.name} are set."
    elif step == "groups":
        groups.set_groups(groups=request.POST.getlist("groups"), **common)
        said = f"The groups of {card.name} are set."
    elif step == "second_factor":
        staff.reset_second_factor(**common)
        said = f"The second factor of {card.name} is taken off, and they are signed out everywhere."
    elif step == "password":
        password = staff.reset_password(**common)
        context = {"person": card, "password": password, "is_new": False}
        return page_of(request, "people/password.html", context)
    elif step == "sign_out":
        ended = staff.sign_out_everywhere(**common)
        said = f"{card.name} is signed out everywhere ({ended} session{'' if ended == 1 else 's'} ended)."
    elif step in {"deactivate", "activate"}:
        staff.set_active(is_active=step == "activate", **common)
        said = f"{card.name} is {'active again' if step == 'activate' else 'deactivated and signed out'}."
    elif step == "end_stand_in":
        standing_in.end_for(card, request.POST.get("delegation", ""), by=signed_in(request))
        said = "It is ended. They are told."
    else:
        raise errors.Refused("This is not something that can be done to a person.")
    messages.success(request, said)
    return HttpResponseRedirect(reverse("person", args=[card.username]))


def _permissions(role: str) -> list[str]:
    return [roles.PERMISSIONS[codename][1] for codename in roles.ROLES.get(role, ())]


def tabs(current: str) -> list[dict[str, Any]]:
    """People and Groups, the two halves of this page."""
    both = (("people", "People"), ("groups", "Groups"))
    return [{"label": label, "url": reverse(name), "is_current": name == current} for name, label in both]


def _crumbs() -> list[dict[str, str]]:
    return [{"label": "People", "url": reverse("people")}]


def page_of(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    response = render(request, template, context, status=status)
    response["Cache-Control"] = "no-store"
    return response
