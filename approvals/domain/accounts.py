"""What is done to somebody's account by another, in the words that they, and administrators, are told.

Whoever can give another a new password could sign off in their name. They are told at once, and so is every
administrator when the way to sign in was changed, so that it cannot be done unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from approvals.domain.visible import visible

# What was done, as its person reads it.
_OWN = {
    "person.password_reset": "you were given a new password, and are signed out everywhere",
    "person.second_factor_reset": "your second factor was taken off, and you are signed out everywhere",
    "person.roles_set": "your roles are now {roles}",
    "person.groups_set": "your groups were changed",
    "person.activated": "you may sign in again",
}
# What else every administrator learns.
_OF = {
    "person.password_reset": "{person} was given a new password",
    "person.second_factor_reset": "the second factor of {person} was taken off",
}
# What the machine's own commands do to accounts while it starts concerns nobody; this does.
_BY_THE_MACHINE = frozenset({"person.second_factor_reset"})


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an account: whose, by whom ("" is the machine), and what its person and administrators read."""

    person: str
    by: str
    own: str
    of: str


def change(type_: str, facts: Mapping[str, Any], *, actor: str) -> Change | None:
    """What an event of a person's stream is to those who are told; None when nobody is."""
    person, by = facts.get("person"), actor.removeprefix("user:") if actor.startswith("user:") else ""
    if type_ not in _OWN or not isinstance(person, str) or by == person:
        return None
    if not by and type_ not in _BY_THE_MACHINE:
        return None
    roles = facts.get("roles")
    named = {
        "person": visible(person),
        "roles": visible(", ".join(map(str, roles))) if isinstance(roles, list) and roles else "none",
    }
    return Change(
        person=person, by=by, own=_OWN[type_].format(**named), of=_OF.get(type_, "").format(**named)
    )
