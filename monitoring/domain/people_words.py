"""What was done to people and groups, each fact as a sentence that names whose it is. Pure and total."""

from __future__ import annotations

from collections.abc import Callable

from monitoring.domain.fact_reading import Facts, Said, count, joined, labelled, names, number, text


def _of_person(words: str, *details: Callable[[Facts], str], state: str = "") -> Callable[[Facts], Said]:
    def say(facts: Facts) -> Said:
        person = text(facts, "person") or "Somebody"
        return Said(words.format(person=person), joined(*(detail(facts) for detail in details)), state)

    return say


def _of_group(words: str, *details: Callable[[Facts], str]) -> Callable[[Facts], Said]:
    def say(facts: Facts) -> Said:
        group = text(facts, "group") or "?"
        return Said(words.format(group=group), joined(*(detail(facts) for detail in details)))

    return say


def _field(label: str, name: str) -> Callable[[Facts], str]:
    return lambda facts: labelled(label, names(facts, name) or text(facts, name))


def _places(facts: Facts) -> str:
    return f"signed out at {count(number(facts, 'sessions'), 'place')}" if "sessions" in facts else ""


WORDS: dict[str, Callable[[Facts], Said]] = {
    "person.invited": _of_person("{person} was invited", _field("as", "roles")),
    "person.roles_set": _of_person(
        "The roles of {person} were set", _field("now", "roles"), _field("before", "before")
    ),
    "person.groups_set": _of_person(
        "The groups of {person} were set", _field("joined", "added"), _field("left", "removed")
    ),
    "person.password_reset": _of_person("{person} was given a new password", _places),
    "person.password_changed": _of_person("{person} changed their password"),
    "person.deactivated": _of_person("{person} was deactivated", _places, state="retired"),
    "person.activated": _of_person("{person} was let in again", state="active"),
    "person.signed_out": _of_person("{person} was signed out", _places),
    "person.second_factor_added": _of_person("{person} added a second factor", _field("", "factor")),
    "person.second_factor_removed": _of_person("{person} removed a second factor", _field("", "factor")),
    "person.second_factor_reset": _of_person(
        "The second factor of {person} was taken off", _field("", "factors"), _places
    ),
    "person.recovery_codes_made": _of_person("{person} made recovery codes"),
    "person.mail_address_given": _of_person(
        "{person} wrote a mail address, not confirmed yet", _field("at", "server")
    ),
    "person.mail_address_confirmed": _of_person(
        "{person} confirmed their mail address", _field("at", "server")
    ),
    "person.mail_address_removed": _of_person(
        "{person} took away their mail address", _field("at", "server")
    ),
    "person.mail_tested": _of_person("{person} sent themselves a test mail", _field("it was", "outcome")),
    "group.created": _of_group("Group {group} was made"),
    "group.members_set": _of_group(
        "The members of group {group} were set", _field("in:", "added"), _field("out:", "removed")
    ),
    "group.retired": _of_group("Group {group} was retired"),
}
