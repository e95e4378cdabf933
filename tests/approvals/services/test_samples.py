"""Allowed actions for a look afterwards: which are taken, what is written down, and that the log has it all."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from django.utils import timezone

from approvals.domain import samples as domain
from approvals.domain import terms
from approvals.models import Sample
from approvals.queries import samples as queries
from approvals.services import policies, rebuild, samples
from orchestrator import eventlog
from tests.approvals import runs
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db
replace = msgspec.structs.replace


def allowed_run(percent: int = 100) -> str:
    policies.publish_policy(policy=replace(terms.STRICT, sample_percent=percent), by=None, now=timezone.now())
    run = runs.start()
    runs.propose(run, {"text": "hello"}, tool="tests.note")
    runs.work(run)
    return run


def test_an_allowed_action_is_taken_and_what_a_reviewer_found_is_kept(operator, reviewer):
    run = allowed_run()
    _, (card,) = queries.sample_page()
    assert (str(card.run), card.action, card.rule, card.sentence) == (
        run,
        "a1",
        "allow.category",
        "Note hello",
    )

    samples.review(
        sample=str(card.id), finding="wrong", note="Nobody asked for it.", by=reviewer, now=timezone.now()
    )

    assert queries.open_samples() == 0
    _, (card,) = queries.sample_page(is_open=False)
    assert (card.finding, card.note, card.reviewed_by) == ("wrong", "Nobody asked for it.", "reviewer")
    assert runs.types_of(str(card.id)) == ["sample.taken", "sample.reviewed"]
    assert_record_is_exact()


def test_what_is_held_is_no_sample_and_neither_is_anything_at_zero_percent(operator):
    allowed_run(percent=0)
    runs.held_run()

    assert queries.open_samples() == 0


def test_a_second_look_and_a_wrong_without_a_word_are_refused(operator, reviewer, reviewer2):
    allowed_run()
    _, (card,) = queries.sample_page()
    given = {"sample": str(card.id), "by": reviewer, "now": timezone.now()}

    with pytest.raises(samples.NoteMissing):
        samples.review(finding="wrong", note=" ", **given)
    samples.review(finding="fine", note="", **given)
    with pytest.raises(samples.AlreadyReviewed):
        samples.review(finding="wrong", note="no", **{**given, "by": reviewer2})
    with pytest.raises(samples.UnknownSample):
        samples.review(finding="fine", note="", **{**given, "sample": str(uuid.uuid4())})


def test_a_changed_row_shows_and_is_made_what_the_log_says(operator):
    allowed_run()
    Sample.objects.update(sentence="Note nothing")
    events = [
        event for stream, *_ in eventlog.streams("policy") for event in eventlog.events_after(stream, 0, 1000)
    ]

    assert any("Note nothing" in text for text in rebuild.differences(events))
    rebuild.repair(events)
    assert Sample.objects.get().sentence == "Note hello"


def test_so_many_in_a_hundred_are_taken_and_always_the_same():
    def taken() -> list[bool]:
        return [domain.is_taken(digest="d" * 64, run="r", action=f"a{n}", percent=10) for n in range(2000)]

    assert taken() == taken()
    assert 140 <= sum(taken()) <= 260
