"""Levels in the policy editor: built, ordered, moved and taken away, for the policy and for each of its rules."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from msgspec.structs import replace

from approvals.domain import terms
from approvals.domain.terms import Clocks, Level, Rule
from approvals.models import PolicyRevision
from approvals.services import policies
from tests.approvals.views.test_policies import OWN, one_level, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(admin: Any, reviewer: Any, reviewer2: Any, reviewer3: Any, django_user_model: Any) -> Client:
    """Four people, each in all groups: enough for two levels of one, whichever two of them are excluded."""
    fourth = django_user_model.objects.create(username="reviewer4")
    for name in ("reviewer", "finance", "heads"):
        group = Group.objects.get_or_create(name=name)[0]
        for person in (reviewer, reviewer2, reviewer3, fourth):
            person.groups.add(group)
    client = Client()
    client.force_login(admin)
    return client


def two(prefix: str, **second: str) -> dict[str, str]:
    rows = {**one_level(prefix, "reviewer", "1"), **one_level(prefix, "finance", "1", at=1, **second)}
    return {f"{prefix}levels": "2", **rows}


def in_pages(client: Client, address: str) -> dict[str, Any]:
    """What a browser would send back of an editor's page, untouched."""
    form = client.get(address).context["form"]
    typed: dict[str, Any] = {"levels": str(len(form.levels)), "rules": str(len(form.rules))}
    everything = [form.own, *form.levels, *form.rules]
    for place, rule in enumerate(form.rules):
        typed[f"rule-{place}-levels"] = str(len(rule.levels))
        everything += rule.levels
    for one in everything:
        for field in one:
            value = field.value()
            if value is True:
                typed[field.html_name] = "on"
            elif value not in (None, False, ""):
                typed[field.html_name] = value
    return typed


@pytest.mark.parametrize(("opens", "order"), [("together", 0), ("after", 1), ("", 0)])
def test_a_rule_gets_levels_of_its_own_in_their_order(editor, opens, order):
    typed = sent(do="publish", publish_notes="x", **two("rule-0-", opens=opens))
    assert editor.post("/policies/new/", typed).status_code == 302

    (rule,) = policies.find_policy("branch").rules

    assert rule.levels == (
        Level(name="reviewer", group="reviewer", need=1),
        Level(name="finance", group="finance", need=1, order=order),
    )
    page = editor.get("/policies/branch/").content.decode()
    joined = ", then " if order else " and "
    assert f"needs 1 person of reviewer{joined}1 person of finance" in page


def test_what_is_published_comes_back_as_it_was_untouched(editor):
    rule = Rule(
        id="r",
        title="R",
        when="money.moves",
        then="hold",
        explanation="x",
        # Numbers with gaps, and not in their order, as another tool may have published them.
        levels=(
            Level(name="last", group="finance", need=1, order=7),
            Level(name="first", group="reviewer", need=1, order=2),
        ),
        clocks=Clocks(decide_by=terms.LONGEST, execute_by=604_800, escalate_after=90 * 60),
        escalate_to=("heads",),
    )
    policy = replace(
        terms.STRICT, slug="branch", title="B", rules=(rule,), allowed=(), escalate_to=("finance",)
    )
    policies.publish_policy(policy=policy, by=None, now=timezone.now())
    typed = {
        **in_pages(editor, "/policies/branch/edit/"),
        "expected": "1",
        "declared": "branch",
        "do": "review",
    }

    page = editor.post("/policies/branch/edit/", typed).content.decode()

    assert typed["rule-0-level-0-name"] == "first"
    assert typed["rule-0-escalate_minutes"] == "90"
    assert "there is nothing to publish" in page


def test_silence_is_said_on_the_form_for_a_rule_and_for_the_policy(editor):
    said = {
        "escalate_to": "heads", "escalate_critical": "5", "rule-0-escalate_to": "finance",
        "rule-0-escalate_minutes": "30",
    }  # fmt: skip
    assert editor.post("/policies/new/", sent(do="publish", publish_notes="x", **said)).status_code == 302

    found = policies.find_policy("branch")

    assert (found.escalate_to, found.clocks["critical"].escalate_after) == (("heads",), 300)
    assert found.rules[0].escalate_to == ("finance",)
    assert found.rules[0].clocks is not None
    assert found.rules[0].clocks.escalate_after == 1800
    page = editor.get("/policies/branch/").content.decode()
    assert "silence goes up to finance after 30 minutes" in page
    assert "Silence goes up to heads after 5 minutes when it is critical" in page


@pytest.mark.parametrize("do", ["review", "publish"])
@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        (two("rule-0-") | {"rule-0-level-1-need": "3"}, ("rule", 1, "need"), "so it needs 5"),
        (two("rule-0-") | {"rule-0-level-1-group": ""}, ("rule", 1, "group"), "a name and a group"),
        (two("rule-0-") | {"rule-0-level-0-need": "x"}, ("rule", 0, "need"), "Enter a whole number"),
        (two("") | {"level-1-need": "3"}, ("own", 1, "need"), "so it needs 5"),
        (two("rule-0-"), ("rule", 0, "need"), ""),
    ],
)
def test_what_is_wrong_with_a_level_stands_at_its_row(editor, do, changes, where, said):
    answer = editor.post("/policies/new/", sent(do=do, publish_notes="x", **changes))

    if not said:
        assert answer.status_code in (200, 302)
        return
    assert answer.status_code == 422
    form = answer.context["form"]
    kind, row, field = where
    rows = form.levels if kind == "own" else form.rules[0].levels
    assert said in " ".join(rows[row].errors[field])
    assert said in answer.content.decode()
    assert not PolicyRevision.objects.filter(slug="branch").exists()


def test_the_same_four_people_in_both_groups_do_not_make_two_levels_of_two(editor):
    typed = two("rule-0-") | {"rule-0-level-0-need": "2", "rule-0-level-1-need": "2"}

    answer = editor.post("/policies/new/", sent(do="review", **typed))

    assert answer.status_code == 422
    assert "A person counts once" in answer.content.decode()


@pytest.mark.parametrize("prefix", ["", "rule-0-"], ids=["of the policy", "of a rule"])
@pytest.mark.parametrize(
    ("step", "at", "groups", "focus"),
    [
        ("level", "", ["reviewer", "finance", ""], ""),
        ("unlevel", "0", ["finance"], "level"),
        ("levelup", "1", ["finance", "reviewer"], "leveldown-0"),
        ("leveldown", "0", ["finance", "reviewer"], "levelup-1"),
        ("levelup", "0", ["reviewer", "finance"], None),
        ("leveldown", "9", ["reviewer", "finance"], None),
        ("unlevel", "junk", ["reviewer", "finance"], None),
    ],
)
def test_levels_are_added_removed_and_moved_and_nothing_typed_is_lost(
    editor, prefix, step, at, groups, focus
):
    place = f"0.{at}" if prefix else at
    rows = two(prefix) | {f"{prefix}level-1-need": "lots", f"{prefix}level-0-name": "Heads <b>"}
    do = f"{step}-{place}" if place else step

    answer = editor.post("/policies/new/", {**OWN, **sent(do=do, **rows)})

    form = answer.context["form"]
    shown = form.rules[0].levels if prefix else form.levels
    assert answer.status_code == 200
    assert [row["group"].value() or "" for row in shown] == groups
    assert {"lots"} & {row["need"].value() for row in shown}
    assert "Heads <b>" not in answer.content.decode()
    if focus is not None:
        wanted = (
            focus.replace("-", "-0.")
            if prefix and "-" in focus
            else f"{focus}-0."
            if prefix and focus
            else focus
        )
        assert answer.context["focus"] == wanted
        assert not wanted or f'id="do-{wanted}"' in answer.content.decode()


@pytest.mark.parametrize("do", ["level-7.", "unlevel-0.9", "levelup-.", "leveldown-²", "level-0.0.0"])
def test_a_step_on_a_row_that_is_not_there_changes_nothing(editor, do):
    answer = editor.post("/policies/new/", sent(do=do, **two("rule-0-")))

    assert answer.status_code == 200
    assert len(answer.context["form"].rules[0].levels) in (2, 3)


@pytest.mark.parametrize(
    ("do", "shown"),
    [
        ("levelup-0.1", [("finance", ""), ("reviewer", "after"), ("heads", "together")]),
        ("leveldown-0.0", [("finance", ""), ("reviewer", "after"), ("heads", "together")]),
        ("levelup-0.2", [("reviewer", ""), ("heads", "after"), ("finance", "together")]),
        ("unlevel-0.1", [("reviewer", ""), ("heads", "after")]),
        ("unlevel-0.2", [("reviewer", ""), ("finance", "after")]),
    ],
)
def test_a_step_never_lets_those_be_asked_at_once_who_were_asked_one_after_the_other(editor, do, shown):
    rows = two("rule-0-", opens="after") | one_level("rule-0-", "heads", "1", at=2, opens="together")

    answer = editor.post("/policies/new/", sent(do=do, **rows | {"rule-0-levels": "3"}))

    found = answer.context["form"].rules[0].levels
    assert [(row["group"].value(), row["opens"].value()) for row in found] == shown
