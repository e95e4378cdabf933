"""The Groups page and each group's own: who is in it, and what asks for it. Only for whoever may manage people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from config import groups as service
from config import people_record, staff
from config.people import signed_in
from config.people_pages import MANAGE, page_of, tabs
from orchestrator.domain import errors


class GroupForm(forms.Form):
    name = forms.CharField(
        max_length=40,
        help_text="Small letters, digits and -, as in finance. It stays for ever: policies name it.",
    )

    use_required_attribute = False


@login_required
@permission_required(MANAGE, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def groups(request: HttpRequest) -> HttpResponse:
    """All groups, and the form that makes one."""
    form = GroupForm(request.POST if request.method == "POST" else None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            service.create_group(name=name, by=signed_in(request), now=timezone.now())
        except staff.Unacceptable as error:
            form.add_error(error.field, error.message)
        else:
            messages.success(request, f"The group {name} is there. Now say who is in it.")
            return HttpResponseRedirect(reverse("group", args=[name]))
    context = {
        "form": form,
        "groups": service.groups(),
        "tabs": tabs("groups"),
        "tabs_label": "People and groups",
    }
    return page_of(request, "people/groups.html", context, status=422 if form.errors else 200)


@login_required
@permission_required(MANAGE, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def group(request: HttpRequest, name: str) -> HttpResponse:
    """Who is in a group. A person is added by username, taken out by their button."""
    card, problem = service.find_group(name), ""
    if request.method == "POST":
        try:
            return _do(request, card)
        except (errors.NotFound, staff.OwnStanding, service.StillAsked) as error:
            problem = error.message
    inside = {username for username, _ in card.members}
    context = {
        "group": card,
        "problem": problem,
        "others": [one for one in staff.active() if one[0] not in inside],
        "history": people_record.history_of_group(name),
        "crumbs": [
            {"label": "People", "url": reverse("people")},
            {"label": "Groups", "url": reverse("groups")},
        ],
    }
    return page_of(request, "people/group.html", context, status=422 if problem else 200)


def _do(request: HttpRequest, card: service.GroupCard) -> HttpResponse:
    common: dict[str, Any] = {"name": card.name, "by": request.user, "now": timezone.now()}
    members = {username for username, _ in card.members}
    username, deed = request.POST.get("username", "").strip(), request.POST.get("do", "")
    if deed == "retire":
        service.retire_group(**common)
        messages.success(request, f"The group {card.name} is retired.")
        return HttpResponseRedirect(reverse("groups"))
    if deed == "add":
        service.move(username=username, is_in=True, **common)
        said = f"{username} is in {card.name}."
    elif deed == "remove" and username in members:
        service.move(username=username, is_in=False, **common)
        said = f"{username} is out of {card.name}."
    else:
        raise errors.Refused("This is not something that can be done to a group.")
    messages.success(request, said)
    return HttpResponseRedirect(reverse("group", args=[card.name]))
