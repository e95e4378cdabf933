"""The policy pages: what they say, what publishing refuses, drafts, the trial, the dry run."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from approvals.domain import shipped, terms
from approvals.models import PolicyDraft, PolicyRevision
from approvals.services import policies
from tests.approvals import runs
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db

CLOCKS = {
    f"{what}_{tier}": minutes
    for tier, (decide, execute) in {
        "critical": ("15", "5"),
        "high": ("240", "15"),
        "medium": ("1440", "60"),
        "low": ("4320", "240"),
    }.items()
    for what, minutes in (("decide", decide), ("execute", execute))
}
OWN = {
    "slug": "branch",
    "title": "Payments of the branch",
    "sample_percent": "5",
    "high": "10000",
    "critical": "100000",
    **CLOCKS,
    "levels": "1",
    "level-0-name": "reviewers",
    "level-0-group": "reviewer",
    "level-0-need": "1",
    "expected": "0",
}
RULE = {
    "rule-0-id": "large",
    "rule-0-title": "Large amounts",
    "rule-0-then": "hold",
    "rule-0-categories": "outward",
    "rule-0-currency": "EUR",
    "rule-0-over": "10000.00",
    "rule-0-hour_from": "8",
    "rule-0-hour_until": "18",
}
HOSTILE = "<script>alert(1)</script>\u202e"


def one_level(prefix: str, group: str, need: str, at: int = 0, **more: str) -> dict[str, str]:
    row = {"group": group, "need": need, "name": "", **more}
    return {f"{prefix}level-{at}-{name}": value for name, value in row.items()}


@pytest.fixture
def editor(admin: Any, reviewer: Any, reviewer2: Any, reviewer3: Any) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def sent(**changes: str) -> dict[str, str]:
    return {**OWN, "rules": "1", **RULE, **changes}


def test_the_list_names_each_policy_with_its_words_and_who_uses_it(editor):
    policies.ensure_shipped(now=timezone.now())

    page = editor.get("/policies/").content.decode()

    for words in (
        "strict",
        "balanced",
        "floor",
        "allows what is routine, holds the rest",
        "every workflow",
        "no workflow",
    ):
        assert words in page


def test_a_policy_says_in_words_what_its_rules_are(editor):
    page = editor.get("/policies/balanced/").content.decode()

    assert "Held when a part of it comes from text that gives the agent instructions" in page
    assert "financial, safety-critical, and what affects a person" in page


def test_a_reviewer_sees_policies_and_no_way_to_change_them(reviewer):
    client = Client()
    client.force_login(reviewer)

    page = client.get("/policies/strict/").content.decode()

    assert "/policies/strict/edit/" not in page


def test_a_policy_is_written_reviewed_published_and_compared(editor):
    review = editor.post("/policies/new/", sent(do="review"))
    assert review.status_code == 200
    assert "money.amount &gt; 1000000" in review.content.decode()

    answer = editor.post("/policies/new/", sent(do="publish", publish_notes="a first one"))

    assert answer["Location"] == "/policies/branch/"
    (rule,) = policies.find_policy("branch").rules
    assert (rule.id, rule.then) == ("large", "hold")
    assert rule.explanation == "{money.amount} is over 10,000.00 EUR."
    row = PolicyRevision.objects.get(slug="branch")
    assert (row.revision, row.published_by, row.notes) == (1, "admin", "a first one")

    again = sent(do="publish", publish_notes="less", expected="1", declared="branch")
    again |= {"rule-0-over": "5000", "decide_critical": "30"}
    assert editor.post("/policies/branch/edit/", again).status_code == 302
    compared = editor.get("/policies/branch/compare/").content.decode()
    assert "1000000" in compared
    assert "500000" in compared
    assert "<del>15 minutes</del>" in compared
    assert "<ins>30 minutes</ins>" in compared
    assert_record_is_exact()


def test_strict_is_edited_rule_by_rule_and_unchanged_it_has_nothing_to_publish(editor):
    policies.ensure_shipped(now=timezone.now())
    page = editor.get("/policies/strict/edit/")
    form = page.context["form"]
    typed = {
        "levels": str(len(form.levels)),
        "rules": str(len(form.rules)),
        "expected": "1",
        "declared": "strict",
    }
    for one in (form.own, *form.levels, *form.rules):
        for field in one:
            value = field.value()
            if value is True:
                typed[field.html_name] = "on"
            elif value not in (None, False, ""):
                typed[field.html_name] = value

    review = editor.post("/policies/strict/edit/", {**typed, "do": "review"})

    assert "there is nothing to publish" in review.content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rule-0-text": "true &&\nmoney.amout > 1"}, "Line 2, column 6"),
        ({"rule-0-text": "action.tool"}, "a condition gives true or false"),
        ({"rule-0-text": "money.amount > 1.5"}, "whole numbers of minor units"),
        ({"rule-0-explanation": "{nothing.known}"}, "There is no fact named"),
        ({"level-0-need": "2"}, "so it needs 4"),
        ({"level-0-group": ""}, "Each level has a name and a group"),
        ({"levels": "0"}, "Name at least one level"),
        ({**one_level("rule-0-", "admin", "1"), "rule-0-levels": "1"}, "The group admin has 0 active people"),
        ({"rule-0-tier": "hopeless"}, "Select a valid choice"),
        ({"decide_critical": "0"}, "greater than or equal to 1"),
        ({"critical": "1"}, "What is critical must not begin below what is high"),
        ({"rule-0-currency": ""}, "Say in which currency"),
        ({"rule-0-account": "agent_24h"}, "A total needs both"),
        ({"slug": "Branch office"}, "Use small letters"),
        ({"slug": "strict"}, "There is a policy of this name already"),
        ({"rule-0-id": "hold.financial"}, "Use small letters"),
    ],
)
def test_what_cannot_work_is_not_published_and_the_field_says_why(editor, changes, said):
    answer = editor.post("/policies/new/", sent(do="publish", publish_notes="x", **changes))

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not PolicyRevision.objects.filter(slug="branch").exists()


def test_what_is_typed_shows_in_plain_words_and_hostile_text_stays_text(editor):
    page = editor.post("/policies/preview/", sent(**{"rule-0-title": HOSTILE})).content.decode()

    assert "Held when it is outward communication, and the amount is over 10,000.00 EUR" in page
    assert "<script>" not in page
    assert "\u202e" not in page


def test_what_is_wrong_is_said_while_one_types_with_the_place_where_it_was_typed(editor):
    page = editor.post(
        "/policies/preview/", sent(**{"rule-0-text": "true ||\nmoney.amout > 1"})
    ).content.decode()

    assert "It cannot be published yet" in page
    assert "Large amounts: Line 2, column 6: there is no fact and no function named money.amout." in page


def test_whoever_publishes_second_is_told_who_was_first_and_keeps_every_word(editor, admin):
    editor.post("/policies/new/", sent(do="publish", publish_notes="x"))
    policies.publish_policy(
        policy=terms.Policy(slug="branch", title="Somebody else's"), by=admin, now=timezone.now()
    )

    answer = editor.post("/policies/branch/edit/", sent(do="publish", publish_notes="mine", expected="1"))

    assert answer.status_code == 409
    assert "admin published revision 2 while you were writing" in answer.content.decode()
    assert "Large amounts" in answer.content.decode()


def test_a_draft_is_kept_gone_on_with_and_gone_when_it_is_published(editor):
    assert editor.post("/policies/new/", sent(do="draft", **{"rule-0-text": "not yet ("})).status_code == 302
    assert "draft kept" in editor.get("/policies/").content.decode()

    page = editor.get("/policies/branch/edit/").content.decode()
    assert "not yet (" in page
    assert "This is a draft" in page
    with pytest.raises(policies.UnknownPolicy):
        policies.find_policy("branch")  # a draft decides nothing

    editor.post("/policies/branch/edit/", sent(do="publish", publish_notes="done"))
    assert policies.find_policy("branch").revision == 1
    assert not PolicyDraft.objects.exists()


def test_a_draft_is_thrown_away(editor):
    editor.post("/policies/new/", sent(do="draft"))

    assert editor.post("/policies/branch/drop-draft/")["Location"] == "/policies/"
    assert editor.get("/policies/branch/edit/").status_code == 404


@pytest.mark.parametrize(
    ("step", "order"),
    [("add", ["a", "b", ""]), ("remove-0", ["b"]), ("down-0", ["b", "a"]), ("up-1", ["b", "a"])],
)
def test_rules_are_added_removed_and_moved_and_nothing_typed_is_lost(editor, step, order):
    rules = {"rules": "2", "rule-0-title": "a", "rule-0-over": "not a number", "rule-1-title": "b"}

    form = editor.post("/policies/new/", {**OWN, **rules, "do": step}).context["form"]

    assert [rule["title"].value() or "" for rule in form.rules] == order
    assert "not a number" in {rule["over"].value() for rule in form.rules} or step == "remove-0"


def test_the_floor_takes_no_rule_that_allows(editor):
    policies.ensure_shipped(now=timezone.now())
    typed = sent(do="publish", publish_notes="x", expected="1", declared="floor", **{"rule-0-then": "allow"})

    answer = editor.post("/policies/floor/edit/", typed)

    assert answer.status_code == 422
    assert "Rules that allow belong into policies" in answer.content.decode()


def test_a_made_up_action_is_tried_against_what_is_typed(editor):
    typed = sent(
        **{"try-action-category": "outward", "try-action-amount": "12000.00", "try-action-currency": "EUR"}
    )

    page = editor.post("/policies/try/", typed).content.decode()

    assert "<strong>Held</strong>" in page
    assert "12,000.00 EUR is over 10,000.00 EUR." in page


def test_an_action_of_the_past_is_tried_against_what_is_typed(editor):
    run = runs.held_run()

    page = editor.post("/policies/try/", sent(**{"try-action-past": f"{run} a1"})).content.decode()
    missing = editor.post("/policies/try/", sent(**{"try-action-past": f"{run} a9"})).content.decode()

    assert "This action of 82,000.00 EUR is financial" in page
    assert "has no such action" in missing


def test_the_dry_run_says_what_would_have_come_out_otherwise(editor):
    runs.held_run()
    run = runs.start()
    runs.propose(run, {"text": "hello"}, tool="tests.note")
    runs.work(run)

    page = editor.post("/policies/dry-run/", sent(**{"try-days-days": "7"})).content.decode()

    assert "2 actions" in page
    assert "Allowed then, held now" in page
    assert "1 would come out otherwise" in page


def test_the_workflow_editor_offers_the_policies_there_are(editor):
    editor.post("/policies/new/", sent(do="publish", publish_notes="x"))

    page = editor.get("/workflows/new/").content.decode()

    for slug in ("strict", "balanced", "branch"):
        assert f'<option value="{slug}"' in page
    assert f'<option value="{shipped.FLOOR_SLUG}"' not in page


def test_a_rule_is_asked_for_its_title_where_its_title_is_needed(editor):
    sheet = editor.get("/policies/strict/edit/").content.decode()
    label = sheet[sheet.index('<label for="id_rule-0-title"') :].split("</label>")[0]
    assert "optional" not in label

    refused = editor.post("/policies/new/", sent(do="review", **{"rule-0-title": " "}))
    assert refused.status_code == 422
    assert refused.content.decode().count("Name the rule in at most 120 characters.") == 1
    preview = editor.post("/policies/preview/", sent(**{"rule-0-title": ""})).content.decode()
    assert preview.count("Name the rule in at most 120 characters.") == 1
    kept = editor.post("/policies/new/", sent(do="draft", **{"rule-0-title": ""}))
    assert kept.status_code == 302
