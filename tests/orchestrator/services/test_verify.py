"""Tampering with the record by SQL, in every way there is: each is found, and named for what it is."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from orchestrator import eventlog, models, sql
from orchestrator.domain import digests
from orchestrator.domain import events as e
from orchestrator.services import checkpoints, journal, verify
from tests.orchestrator import runs

pytestmark = pytest.mark.django_db

EVENT = '"orchestrator_event"'
STREAM = '"orchestrator_stream"'


@pytest.fixture(autouse=True)
def _own_keys(tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.delenv("COUNTERSIGN_SIGNING_KEY", raising=False)


@pytest.fixture
def run() -> str:
    """A run of eight events, between two others."""
    runs.begin()
    run = runs.begin()
    for _ in range(3):
        runs.reply(run, more=True)
    runs.begin()
    assert eventlog.head_of(run) == 8
    return run


def problems(**options: Any) -> list[tuple[str, int, str]]:
    return [(one.stream, one.seq, one.problem) for one in verify.verify_log(**options).findings]


def chained(run: str, first: int) -> None:
    """Compute the hashes of a stream anew from an event on, as somebody would who covers the tracks."""
    events = {event.seq: event for event in eventlog.walk(run)}
    previous = bytes(events[first - 1].hash) if first > 1 else digests.GENESIS
    for seq in range(first, max(events) + 1):
        one = events[seq]
        envelope = e.envelope(run, seq, one.type, one.version, one.actor, one.cause, one.at)
        previous = digests.link(previous, envelope, one.payload.encode())
        sql.run(f"UPDATE {EVENT} SET hash=$3 WHERE stream_id=$1::uuid AND seq=$2", [run, seq, previous])
    sql.run(f"UPDATE {STREAM} SET hash=$2, head=$3 WHERE id=$1::uuid", [run, previous, max(events)])


def test_a_record_that_nobody_touched_is_sound(run: str) -> None:
    found = verify.verify_log()
    assert (found.findings, found.streams, found.events) == ((), 3, 12)
    assert "There is no checkpoint" in found.unproven[0]


EDITS = {
    "payload": "payload='{\"forged\":true}'::json",
    "payload spacing": "payload=(payload::text||' ')::json",
    "type": "type='run.resumed'",
    "version": "version=version+1",
    "actor": "actor='user:somebody'",
    "cause": "cause=cause+1",
    "time": "occurred_at=occurred_at+interval '1 microsecond'",
    "hash": "hash=sha256('x')",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
@pytest.mark.parametrize("seq", [1, 4, 8])
def test_an_edited_event_is_named(run: str, edit: str, seq: int) -> None:
    sql.run(f"UPDATE {EVENT} SET {edit} WHERE stream_id=$1::uuid AND seq=$2", [run, seq])
    assert problems() == [(run, seq, "edited")]


def test_an_event_that_was_edited_together_with_its_hash_shows_at_the_next_one(run: str) -> None:
    later = {event.seq: bytes(event.hash) for event in eventlog.walk(run) if event.seq > 4}
    sql.run(f"UPDATE {EVENT} SET actor='user:x' WHERE stream_id=$1::uuid AND seq=4", [run])
    chained(run, 4)
    for seq, hash_ in later.items():
        sql.run(f"UPDATE {EVENT} SET hash=$3 WHERE stream_id=$1::uuid AND seq=$2", [run, seq, hash_])
    sql.run(f"UPDATE {STREAM} SET hash=$2 WHERE id=$1::uuid", [run, later[8]])
    assert problems() == [(run, 5, "edited")]
    assert "changed together with its hash" in verify.verify_log().findings[0].text


def test_the_last_event_edited_together_with_its_hash_shows_against_the_streams_row(run: str) -> None:
    before = models.Stream.objects.get(id=run)
    sql.run(f"UPDATE {EVENT} SET actor='user:x' WHERE stream_id=$1::uuid AND seq=8", [run])
    chained(run, 8)
    sql.run(f"UPDATE {STREAM} SET hash=$2 WHERE id=$1::uuid", [run, bytes(before.hash)])
    assert problems() == [(run, 8, "edited")]


def test_a_deleted_event_is_named(run: str) -> None:
    sql.run(f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid AND seq IN (3,4)", [run])
    assert problems() == [(run, 3, "deleted")]
    assert "Events 3 to 4" in verify.verify_log().findings[0].text


def test_a_deleted_event_shows_also_when_the_later_ones_are_numbered_anew(run: str) -> None:
    sql.run(f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid AND seq=3", [run])
    for seq in range(4, 9):
        sql.run(f"UPDATE {EVENT} SET seq=seq-1 WHERE stream_id=$1::uuid AND seq=$2", [run, seq])
    sql.run(f"UPDATE {STREAM} SET head=7 WHERE id=$1::uuid", [run])
    assert problems() == [(run, 3, "deleted")]


def test_an_inserted_event_is_named(run: str) -> None:
    for seq in range(8, 3, -1):
        sql.run(f"UPDATE {EVENT} SET seq=seq+1 WHERE stream_id=$1::uuid AND seq=$2", [run, seq])
    _copy(run, 1, 4)
    sql.run(f"UPDATE {STREAM} SET head=9 WHERE id=$1::uuid", [run])
    assert problems() == [(run, 4, "inserted")]
    assert "stands at 5" in verify.verify_log().findings[0].text


def test_an_event_beyond_the_head_is_named(run: str) -> None:
    _copy(run, 8, 9)
    assert problems() == [(run, 9, "inserted")]


@pytest.mark.parametrize(("one", "other"), [(3, 4), (2, 7), (1, 8)])
def test_reordered_events_are_named(run: str, one: int, other: int) -> None:
    for seq, to in ((one, 100), (other, one), (100, other)):
        sql.run(f"UPDATE {EVENT} SET seq=$3 WHERE stream_id=$1::uuid AND seq=$2", [run, seq, to])
    assert problems() == [(run, one, "reordered")]


def test_a_cut_tail_shows_against_the_streams_row(run: str) -> None:
    sql.run(f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid AND seq>5", [run])
    assert problems() == [(run, 6, "cut tail")]
    sql.run(f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid", [run])
    assert problems() == [(run, 1, "cut tail")]


def test_a_streams_row_that_was_set_back_is_named(run: str) -> None:
    hash_ = bytes(eventlog.events_after(run, 4, 1)[0].hash)
    sql.run(f"UPDATE {STREAM} SET head=5, hash=$2 WHERE id=$1::uuid", [run, hash_])
    assert problems() == [(run, 6, "head")]


def test_events_without_a_stream_are_named(run: str) -> None:
    sql.run(f"DELETE FROM {STREAM} WHERE id=$1::uuid", [run])
    assert problems() == [(run, 1, "deleted")]


def test_events_of_another_stream_are_not_this_ones(run: str) -> None:
    other = runs.begin()
    sql.run(f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid AND seq<=2", [run])
    sql.run(f"UPDATE {EVENT} SET stream_id=$1::uuid WHERE stream_id=$2::uuid", [run, other])
    assert sorted(problems()) == sorted([(run, 1, "edited"), (other, 1, "cut tail")])


def test_every_stream_gets_its_own_finding(run: str) -> None:
    sql.run(f"UPDATE {EVENT} SET actor='user:x' WHERE seq=2")
    assert [(seq, problem) for _, seq, problem in problems()] == [(2, "edited")] * 3


def test_content_that_is_not_what_its_digest_says_is_named() -> None:
    runs.begin(inputs={"text": "x" * 5000})
    sql.run("UPDATE \"orchestrator_blob\" SET data='forged'")
    ((_, _, problem),) = problems()
    assert problem == "edited"


# ---- what only a checkpoint shows ----
def cut(run: str, after: int) -> None:
    """Cut the tail together with the stream's row: no chain can show it."""
    hash_ = bytes(eventlog.events_after(run, after - 1, 1)[0].hash)
    sql.run(f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid AND seq>$2", [run, after])
    sql.run(f"UPDATE {STREAM} SET head=$2, hash=$3 WHERE id=$1::uuid", [run, after, hash_])


def checkpoint() -> checkpoints.CheckpointCard:
    return checkpoints.take_checkpoint(by="system", now=timezone.now())


def test_a_tail_that_was_cut_with_its_stream_row_shows_against_a_checkpoint(run: str) -> None:
    checkpoint()
    assert problems() == []
    cut(run, 5)
    assert problems() == [(run, 8, "cut tail")]


def test_without_a_checkpoint_a_cut_tail_is_not_seen_and_that_is_said(run: str) -> None:
    cut(run, 5)
    found = verify.verify_log()
    assert found.is_sound
    assert "a tail that was cut off together with its stream's row" in found.unproven[0]


def test_a_chain_that_was_computed_anew_shows_against_a_checkpoint(run: str) -> None:
    checkpoint()
    sql.run(f"UPDATE {EVENT} SET actor='user:x' WHERE stream_id=$1::uuid AND seq=4", [run])
    chained(run, 4)
    assert problems() == [(run, 8, "edited")]


def test_a_stream_that_is_gone_shows_against_a_checkpoint(run: str) -> None:
    checkpoint()
    sql.run(f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid", [run])
    sql.run(f"DELETE FROM {STREAM} WHERE id=$1::uuid", [run])
    assert problems() == [(run, 8, "cut tail")]


def test_a_run_that_went_on_is_no_finding(run: str) -> None:
    checkpoint()
    runs.reply(run, more=True)
    checkpoint()
    runs.reply(run, more=True)
    found = verify.verify_log()
    assert (found.findings, found.checkpoints) == ((), 2)


def test_a_later_honest_checkpoint_does_not_hide_what_an_earlier_one_shows(run: str) -> None:
    checkpoint()
    cut(run, 5)
    checkpoint()
    assert problems() == [(run, 8, "cut tail")]


def test_a_checkpoint_that_was_edited_is_named(run: str) -> None:
    card = checkpoint()
    forged = card.document.replace(b" 8 ", b" 7 ")
    models.Checkpoint.objects.update(heads=forged)
    assert [(kind, text) for _, kind, text in problems()] == [(0, "edited")]
    models.Checkpoint.objects.update(digest=digests.sha256(forged))
    (finding,) = verify.verify_log().findings
    assert (finding.kind, finding.problem) == ("checkpoint", "edited")
    assert "signature" in finding.text


def test_a_checkpoint_that_was_removed_between_others_is_named(run: str) -> None:
    cards = [checkpoint() for _ in range(3)]
    models.Checkpoint.objects.filter(digest=cards[1].digest).delete()
    (finding,) = verify.verify_log().findings
    assert (finding.kind, finding.problem) == ("checkpoint", "deleted")


def test_exported_checkpoints_show_what_was_deleted_with_the_log(run: str, tmp_path: Any) -> None:
    checkpoint()
    folder = tmp_path / "elsewhere"
    assert len(checkpoints.export(folder)) == 1
    assert checkpoints.export(folder) == []
    models.Checkpoint.objects.all().delete()
    cut(run, 5)
    assert problems() == []
    found = verify.verify_log(exported=folder)
    assert {(one.stream, one.problem) for one in found.findings} == {(run, "cut tail"), ("", "deleted")}


def test_a_checkpoint_of_an_unknown_key_is_said_to_prove_nothing(
    run: str, tmp_path: Any, settings: Any
) -> None:
    checkpoint()
    settings.VAR_DIR = tmp_path / "another machine"
    found = verify.verify_log()
    assert found.is_sound
    assert any("No public key is known here" in sentence for sentence in found.unproven)
    public = journal.facts(journal.stream_for("keys", "checkpoints"))[0][2]["public_key"]
    trusted = verify.verify_log(public_keys=(public,))
    assert not any("No public key" in sentence for sentence in trusted.unproven)


# ---- the command ----
def verify_log(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_log", *arguments, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_ends_with_zero_when_sound_and_with_one_when_not(run: str) -> None:
    assert verify_log()[0] == 0
    sql.run(f"UPDATE {EVENT} SET actor='user:x' WHERE stream_id=$1::uuid AND seq=4", [run])
    code, said = verify_log()
    assert code == 1
    assert "EDITED" in said
    assert run in said
    assert "event 4" in said


def test_the_command_prints_one_json_object(run: str) -> None:
    sql.run(f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid AND seq=4", [run])
    code, said = verify_log("--json")
    found = json.loads(said)
    assert (code, found["sound"], found["streams"]) == (1, False, 3)
    assert (found["findings"][0]["seq"], found["findings"][0]["problem"]) == (4, "deleted")


def _copy(run: str, seq: int, to: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {EVENT} (stream_id, seq, type, version, actor, cause, occurred_at, payload, hash) "
            f"SELECT stream_id, %s, type, version, actor, cause, occurred_at, payload, hash FROM {EVENT} "
            "WHERE stream_id=%s AND seq=%s",
            [to, run, seq],
        )
