"""Roles: which group holds which permission, and what the rail shows to whom.

Views ask for a permission by its codename, never for a role. The admin does not sign off: whoever should do both
is put into both groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

# codename -> the model it is filed under, and what it lets a person do
PERMISSIONS: dict[str, tuple[str, str]] = {
    "orchestrator.view_run": ("run", "Can see runs"),
    "orchestrator.start_run": ("run", "Can start a run"),
    "orchestrator.control_run": ("run", "Can pause, resume and cancel a run"),
    "orchestrator.view_agent": ("agent", "Can see agents and what they may do"),
    "orchestrator.publish_agent": ("agent", "Can create, edit and publish agents"),
    "orchestrator.view_workflow": ("workflow", "Can see workflows"),
    "orchestrator.publish_workflow": ("workflow", "Can create, edit and publish workflows"),
    "approvals.view_approvalrequest": ("approvalrequest", "Can see approval requests"),
    "approvals.sign_off": ("approvalrequest", "Can approve or reject a held action"),
    "monitoring.view_audit": ("auditentry", "Can search the record and see chains of causes"),
    "monitoring.keep_record": ("auditentry", "Can verify, export and sign the record, and erase content"),
    "approvals.view_policyrevision": ("policyrevision", "Can see policies"),
    "approvals.publish_policy": ("policyrevision", "Can create, edit and publish policies"),
    "approvals.break_glass": (
        "approvalrequest",
        "Can release a held action past its quorum, with a second person",
    ),
    "approvals.manage_grants": ("approvalrequest", "Can make, approve and revoke standing grants"),
    "approvals.manage_hooks": ("hook", "Can tell other programs of events, and see what was sent"),
    "approvals.oversee_reviews": (
        "approvalrequest",
        "Can see how everybody reviews, and plant canaries",
    ),
    "config.manage_people": ("user", "Can invite people and give them roles"),
}
_VIEWS = {
    "orchestrator.view_run",
    "orchestrator.view_agent",
    "orchestrator.view_workflow",
    "approvals.view_approvalrequest",
    "monitoring.view_audit",
    "approvals.view_policyrevision",
}
_CONTROLS = {"orchestrator.start_run", "orchestrator.control_run"}
ROLES: dict[str, set[str]] = {
    "operator": _VIEWS | _CONTROLS,
    "reviewer": _VIEWS | {"approvals.sign_off"},
    "admin": set(PERMISSIONS) - {"approvals.sign_off"},
}


def ensure_roles() -> None:
    """Create the three groups with their permissions, or bring them up to date. May be called again."""
    from django.contrib.auth.models import Group, Permission
    from django.contrib.contenttypes.models import ContentType

    known: dict[str, Permission] = {}
    for codename, (model, name) in PERMISSIONS.items():
        app, code = codename.split(".")
        there = Permission.objects.filter(content_type__app_label=app, codename=code).first()
        if there is None:
            kind, _ = ContentType.objects.get_or_create(app_label=app, model=model)
            there, _ = Permission.objects.get_or_create(
                content_type=kind, codename=code, defaults={"name": name}
            )
        known[codename] = there
    for role, codenames in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set([known[codename] for codename in codenames])


@dataclass(frozen=True)
class RailEntry:
    """One line of the left rail; `icon` names one of the sprite's."""

    label: str
    url: str
    icon: str
    is_current: bool
    starts_group: bool = False
    count: int = 0


# label, URL names (the first that resolves), permission, icon
_RAIL: list[tuple[str, tuple[str, ...], str, str]] = [
    ("Overview", ("monitoring:overview",), "orchestrator.view_run", "layout-dashboard"),
    ("Runs", ("monitoring:runs", "orchestrator:runs"), "orchestrator.view_run", "player-play"),
    ("Inbox", ("approvals:inbox",), "approvals.view_approvalrequest", "inbox"),
    ("Grants", ("approvals:grants",), "approvals.view_approvalrequest", "certificate"),
    ("Workflows", ("orchestrator:workflows",), "orchestrator.view_workflow", "sitemap"),
    ("Agents", ("orchestrator:agents",), "orchestrator.view_agent", "robot"),
    ("Policies", ("approvals:policies",), "approvals.view_policyrevision", "shield-check"),
    ("Audit", ("monitoring:audit",), "monitoring.view_audit", "list-search"),
    ("Outgoing", ("approvals:outgoing",), "approvals.manage_hooks", "send"),
    ("People", ("people",), "config.manage_people", "users"),
]
_STARTS_GROUP = {"Workflows", "Audit"}


@dataclass(frozen=True)
class Environment:
    """An installation's name, as it is set and as it is shown; each well-known one has an icon of its own."""

    name: str
    label: str
    icon: str


_ENVIRONMENTS = {"production": "world", "staging": "circle-half-2", "test": "circle-dashed"}


def navigation(request: HttpRequest) -> dict[str, object]:
    """Context for every page: the rail, holding only what works and what this person may see."""
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated:
        return {"navigation": [], "environment": environment()}
    entries = []
    for label, url_names, permission, icon in _RAIL:
        url = _first_url(url_names)
        if url is None or not person.has_perm(permission):
            continue
        is_current = request.path == url or (url != "/" and request.path.startswith(url))
        count = _COUNTS[label](request) if label in _COUNTS else 0
        entries.append(RailEntry(label, url, icon, is_current, label in _STARTS_GROUP, count))
    return {"navigation": entries, "environment": environment()}


def environment() -> Environment:
    """Which installation this is, for the frame of every page and for each case."""
    name = settings.COUNTERSIGN_ENVIRONMENT
    return Environment(name, name[:1].upper() + name[1:], _ENVIRONMENTS.get(name, "flag"))


def _waiting_for(request: HttpRequest) -> int:
    """How many requests wait for this person's answer. A page that has counted them says so."""
    from approvals.queries.inbox import waiting_for

    counted: int | None = getattr(request, "waits_for_me", None)
    return waiting_for(request.user) if counted is None else counted


def _grants_for(request: HttpRequest) -> int:
    """How many grants wait for this person as the second administrator."""
    from approvals.queries.grants import waiting_for

    return waiting_for(request.user, timezone.now())


# What waits for the person who looks, beside the page where they answer it.
_COUNTS: dict[str, Callable[[HttpRequest], int]] = {"Inbox": _waiting_for, "Grants": _grants_for}


def _first_url(names: Iterable[str]) -> str | None:
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return None
