"""The one statement: all of it or nothing, behind the head and the fence, alone and inside a transaction."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.utils import timezone

from orchestrator import blobs, engine, eventlog, kinds, mailbox, models, outbox, sql
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.effects import Fence
from orchestrator.domain.rules.shared import RunIsOver, TurnIsOver
from orchestrator.kinds import ChangedMeanwhile
from orchestrator.outbox import Owner
from orchestrator.services import journal, verify
from tests.orchestrator import runs
from tests.orchestrator.workflows import SIGNED, seal, sealed, verdict, workflow

pytestmark = pytest.mark.django_db(transaction=True)


def append(run: str, command: c.Command, entry: eventlog.Entry, fence: Fence | None = None) -> Any:
    """The statement itself, on an entry that may be stale."""
    submission = engine.Submission(command, fence, None, None, "runs")
    after, recorded, fences = engine._decide(entry, submission)
    return engine._append(run, entry, after, recorded, fences, None)


def rows(run: str) -> list[Any]:
    """Everything that an append may write for a run."""
    found: list[Any] = []
    for table, column in (
        ("stream", "id"),
        ("event", "stream_id"),
        ("effect", "stream_id"),
        ("run", "id"),
        ("turn", "run_id"),
        ("action", "run_id"),
    ):
        found.append(
            sql.run(
                f'SELECT t.*::text FROM "orchestrator_{table}" t WHERE {column}=$1::uuid ORDER BY 1', [run]
            )
        )
    return found


def reply_of(run: str, **fields: Any) -> c.RecordReply:
    turn = next(iter(runs.state_of(run).turns))
    return c.RecordReply(actor="system", at=runs.now(), turn=turn, **fields)


# ---- all or nothing ----
def test_one_append_writes_events_rows_effects_and_the_head_together() -> None:
    run = runs.begin()
    held = runs.take(run)
    appended = runs.reply(run, held, output={"n": 1})
    assert [type(event.body).__name__ for event in appended.events] == ["TurnCompleted"]
    assert runs.types_of(run) == ["run.started", "turn.requested", "turn.completed"]
    assert runs.effect(run, "t1", "turn")["state"] == "done"
    assert runs.effect(run, "t1", "validate")["state"] == "wanted"
    assert models.Turn.objects.get(run=run).state == "completed"
    assert models.Run.objects.get(id=run).head == 3
    assert models.Stream.objects.get(id=run).head == 3


def test_a_lost_head_writes_nothing_and_leaves_the_effect_claimed() -> None:
    run = runs.begin()
    held = runs.take(run)
    stale = eventlog.load(run)
    engine.submit(run, c.PauseRun(actor="user:operator", at=runs.now(), reason="look"))
    before = rows(run)
    step = append(run, reply_of(run, output=seal(1)), stale, runs.fence(held))
    assert step is None
    assert rows(run) == before
    assert (runs.effect(run, "t1")["state"], runs.effect(run, "t1")["token"]) == ("claimed", held.token)


def test_two_updates_in_one_statement_would_not_undo_each_other() -> None:
    """The trap that the statement is built around: a part that does not select from the fence survives it."""
    run = runs.begin()
    held = runs.take(run)
    sql.run(
        "WITH d AS (UPDATE \"orchestrator_effect\" SET state='done' WHERE key=$1 RETURNING key), "
        's AS (UPDATE "orchestrator_stream" SET head=head+1 WHERE id=$2::uuid AND head=999 RETURNING id) '
        "SELECT count(*) FROM s",
        [held.key, run],
    )
    assert runs.effect(run, "t1")["state"] == "done"
    assert models.Stream.objects.get(id=run).head == 2


def test_every_part_of_the_append_selects_from_the_one_fence() -> None:
    run = runs.begin()
    held = runs.take(run)
    engine._texts.clear()
    runs.reply(run, held, actions=(), more=True)
    (text,) = engine._texts.values()
    assert text.count('UPDATE "orchestrator_stream"') == 1
    parts = text.split(" AS (")[2:]
    assert len(parts) >= 4
    for part in parts:
        assert "FROM s" in part, part


def test_a_statement_that_fails_half_way_writes_nothing() -> None:
    run = runs.begin()
    runs.propose(run, "t.pay")
    before = rows(run)
    # The row's state is out of step, so that the check on it fails in the middle of the statement.
    sql.run("UPDATE \"orchestrator_action\" SET tier='high' WHERE run_id=$1::uuid", [run])
    assess = c.RecordAssessment(
        actor="system", at=runs.now(), action="a1", decision="allow", rule="", explanation=""
    )
    engine.submit(run, assess)
    head = eventlog.head_of(run)
    claim = c.ClaimAction(
        actor="system", at=runs.now(), action="a1", digest=runs.state_of(run).actions["a1"].digest
    )
    with pytest.raises(Exception, match="action_held_needs_release"):
        engine.submit(run, claim)
    assert eventlog.head_of(run) == head
    assert "action.claimed" not in runs.types_of(run)
    assert rows(run)[1][: len(before[1])] == before[1]


# ---- the token ----
def test_a_stale_worker_writes_nothing_while_its_successor_is_still_performing() -> None:
    run = runs.begin()
    sleeper = runs.take(run, "sleeper")
    runs.expire(run)
    successor = runs.take(run, "successor")
    assert (successor.key, successor.token) == (sleeper.key, sleeper.token + 1)
    head = eventlog.head_of(run)
    before = rows(run)
    with pytest.raises(engine.Lost):
        runs.reply(run, sleeper, output={"n": "late"})
    assert eventlog.head_of(run) == head
    assert rows(run) == before
    runs.reply(run, successor, output={"n": "in time"})
    assert runs.effect(run, "t1", "turn")["state"] == "done"


def test_a_worker_cannot_report_twice_on_one_effect() -> None:
    run = runs.begin()
    held = runs.take(run)
    runs.reply(run, held, more=True)
    with pytest.raises(engine.Lost):
        runs.reply(run, held, more=True)


def test_a_fence_lost_inside_a_transaction_rolls_everything_back() -> None:
    run = runs.begin()
    sleeper = runs.take(run)
    runs.expire(run)
    runs.take(run, "successor")
    command = reply_of(run, output=seal(1))

    @transaction.atomic
    def decide() -> None:
        eventlog.lock(run)
        models.Blob.objects.create(digest="of an approval", size=1, data=b"x")
        engine.submit(run, command, fence=runs.fence(sleeper))

    with pytest.raises(engine.Lost):
        decide()
    assert not models.Blob.objects.exists()


def test_a_refusal_inside_a_transaction_rolls_everything_back() -> None:
    run = runs.begin()

    @transaction.atomic
    def pause_twice() -> None:
        eventlog.lock(run)
        engine.submit(run, c.PauseRun(actor="user:operator", at=runs.now(), reason="look"))
        engine.submit(run, c.PauseRun(actor="user:operator", at=runs.now(), reason="look again"))

    with pytest.raises(errors.Refused):
        pause_twice()
    assert runs.types_of(run) == ["run.started", "turn.requested"]
    assert runs.state_of(run).status == "running"


def test_what_a_rolled_back_transaction_read_of_itself_is_not_remembered() -> None:
    stream = journal.stream_for("policy", "rolled-back")

    def record(name: str) -> int:
        return journal.record(
            kind="policy", stream=stream, facts=[(name, {"n": 1})], by="user:admin", now=timezone.now()
        )

    record("policy.published")

    @transaction.atomic
    def fail() -> None:
        for _ in range(3):
            record("policy.published")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert record("policy.published") == 2
    assert [found.problem for found in verify.verify_log().findings] == []


def test_two_commands_in_one_transaction_see_each_other() -> None:
    run = runs.begin()
    with transaction.atomic():
        eventlog.lock(run)
        engine.submit(run, c.PauseRun(actor="user:operator", at=runs.now(), reason="look"))
        engine.submit(run, c.ResumeRun(actor="user:operator", at=runs.now()))
    assert runs.types_of(run)[-2:] == ["run.paused", "run.resumed"]
    assert eventlog.load(run).head == 4


# ---- refusals rest on what is true now ----
def test_a_command_is_not_refused_over_what_another_process_has_changed() -> None:
    run = runs.begin()
    stale = eventlog.load(run)
    engine.submit(run, c.PauseRun(actor="user:operator", at=runs.now(), reason="look"))
    with eventlog.states._guard:
        eventlog.states._cache[run] = stale
    engine.submit(run, c.ResumeRun(actor="user:operator", at=runs.now()))
    assert runs.state_of(run).status == "running"


def test_a_publication_is_not_in_conflict_with_what_this_process_remembers() -> None:
    stream = journal.stream_for("policy", "remembered")

    def record(expected: int) -> int:
        return journal.record(
            kind="policy",
            stream=stream,
            facts=[("policy.published", {})],
            by="user:admin",
            now=timezone.now(),
            expected_seq=expected,
        )

    record(0)
    stale = eventlog.load(stream)
    record(1)
    with eventlog.states._guard:
        eventlog.states._cache[stream] = stale
    assert record(2) == 3
    with pytest.raises(ChangedMeanwhile):
        record(2)


def test_an_unknown_run_is_not_found() -> None:
    with pytest.raises(eventlog.UnknownStream):
        engine.submit("00000000-0000-0000-0000-00000000dead", c.PauseRun(actor="user:x", at=1, reason="look"))


def test_text_that_a_column_cannot_hold_stays_whole_on_the_log() -> None:
    run = runs.begin()
    runs.reply(run, more=True, note="before\0after")
    (event,) = [event for event in eventlog.events_after(run, 0) if event.type == "turn.completed"]
    assert event.body.note == "before\0after"  # type: ignore[attr-defined]
    assert models.Turn.objects.get(run=run, turn="t1").note == "before\ufffdafter"


# ---- many at once ----
def test_two_hundred_replies_to_one_stream_from_sixteen_threads_are_each_recorded_once() -> None:
    run = runs.begin()
    runs.propose(run, *["t.look"] * 200)
    names = list(runs.state_of(run).actions)
    assert len(names) == 200

    def results(number: int) -> None:
        for action in names[number::16]:
            command = c.RecordResult(actor="system", at=runs.now(), action=action, result=seal(action))
            engine.submit(run, command)

    assert runs.raised(runs.in_threads(16, results)) == []
    types = runs.types_of(run)
    assert types.count("action.executed") == 200
    assert types.count("turn.requested") == 2
    assert models.Action.objects.filter(run=run, state="executed").count() == 200
    assert models.Run.objects.get(id=run).executed == 200
    assert [found.problem for found in verify.verify_log().findings] == []
    assert mailbox._boxes == {}


def test_each_of_a_batch_is_refused_alone() -> None:
    run = runs.begin()
    runs.propose(run, *["t.look"] * 20)

    def result(number: int) -> None:
        action = f"a{number + 1}" if number % 2 else "a999"
        engine.submit(run, c.RecordResult(actor="system", at=runs.now(), action=action, result=seal(number)))

    found = runs.in_threads(20, result)
    assert [isinstance(one, errors.Refused) for one in found] == [number % 2 == 0 for number in range(20)]
    assert runs.types_of(run).count("action.executed") == 10


def test_each_of_a_batch_is_in_conflict_alone() -> None:
    stream = journal.stream_for("policy", "batch")

    def record(number: int) -> int:
        return journal.record(
            kind="policy",
            stream=stream,
            facts=[("policy.published", {"n": number})],
            by="user:admin",
            now=timezone.now(),
            expected_seq=999 if number % 2 else None,
        )

    found = runs.in_threads(16, record)
    assert [type(one) is ChangedMeanwhile for one in found] == [number % 2 == 1 for number in range(16)]
    assert all(isinstance(one, int) for one in found[::2])
    assert eventlog.head_of(stream) == 8


def test_each_of_a_batch_is_fenced_alone() -> None:
    run = runs.begin()
    runs.propose(run, *["t.look"] * 12)
    held = {one.subject: one for one in outbox.claim(run, "tester", limit=100)}
    sql.run("UPDATE \"orchestrator_effect\" SET token=token+1 WHERE subject IN ('a2','a4','a6')")

    def result(number: int) -> None:
        action = f"a{number + 1}"
        command = c.RecordResult(actor="system", at=runs.now(), action=action, result=seal(number))
        engine.submit(run, command, fence=runs.fence(held[action]))

    found = runs.in_threads(12, result)
    lost = [f"a{number + 1}" for number, one in enumerate(found) if isinstance(one, engine.Lost)]
    assert lost == ["a2", "a4", "a6"]
    assert len(runs.raised(found)) == 3
    assert runs.types_of(run).count("action.executed") == 9


def test_a_persons_command_does_not_lose_to_a_busy_run() -> None:
    run = runs.begin()
    runs.propose(run, *["t.look"] * 120)
    stop = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            try:
                for _ in range(25):
                    with transaction.atomic():
                        eventlog.lock(run)
                        engine.submit(run, c.PauseRun(actor="user:operator", at=runs.now(), reason="look"))
                    with transaction.atomic():
                        eventlog.lock(run)
                        engine.submit(run, c.ResumeRun(actor="user:operator", at=runs.now()))
            finally:
                stop.set()
            return 0
        done = 0
        for at in range(number, 121, 3):
            if stop.is_set():
                break
            result = c.RecordResult(actor="system", at=runs.now(), action=f"a{at}", result=seal(at))
            engine.submit(run, result)
            done += 1
        return done

    found = runs.in_threads(4, work)
    assert runs.raised(found) == []
    assert runs.types_of(run).count("run.paused") == 25
    assert runs.types_of(run).count("action.executed") == sum(found)


def test_the_same_start_from_eight_threads_is_one_run() -> None:
    found = runs.in_threads(8, lambda number: runs.begin(key="double click"))
    assert len(set(found)) == 1
    assert runs.raised(found) == []
    assert runs.types_of(found[0]) == ["run.started", "turn.requested"]
    assert models.Run.objects.count() == 1


def test_a_cancel_against_a_release_ends_with_one_of_them() -> None:
    for _ in range(10):
        run = runs.begin()
        runs.propose(run, "t.pay")
        hold = c.RecordAssessment(
            actor="system", at=runs.now(), action="a1", decision="hold", rule="r", explanation="e"
        )
        engine.submit(run, hold)
        digest = runs.state_of(run).actions["a1"].digest

        def decide(number: int, run: str = run, digest: str = digest) -> None:
            command: c.Command = c.CancelRun(actor="user:operator", at=runs.now(), reason="stop")
            if number:
                command = c.ReleaseAction(
                    actor="user:reviewer",
                    at=runs.now(),
                    action="a1",
                    request="q1",
                    digest=digest,
                    policy="strict",
                    policy_revision=1,
                    sign_offs=SIGNED,
                )
            with transaction.atomic():
                eventlog.lock(run)
                engine.submit(run, command)

        cancelled, released = runs.in_threads(2, decide)
        assert cancelled is None
        assert released is None or isinstance(released, RunIsOver)
        assert runs.state_of(run).actions == {}
        assert models.Action.objects.get(run=run).state == "voided"
        assert "action.claimed" not in runs.types_of(run)
        assert runs.state_of(run).status == "cancelled"


def test_a_late_answer_to_an_answered_turn_is_refused() -> None:
    run = runs.begin()
    command = reply_of(run, output=seal(1))
    engine.submit(run, command)
    with pytest.raises(TurnIsOver):
        engine.submit(run, command)


def test_a_cancelled_run_wants_nothing_more() -> None:
    run = runs.begin()
    engine.submit(run, c.CancelRun(actor="user:operator", at=runs.now(), reason="stop"))
    assert runs.effect(run, "t1")["state"] == "dropped"
    assert outbox.claim(run, "tester", limit=9) == []


def test_an_owner_is_born_with_one_slow_effect_and_leaves_the_rest_to_others() -> None:
    run = runs.begin(workflow(turns=10**6))
    held = runs.take(run)
    spec = runs.state_of(run).spec
    actions = tuple(sealed(spec, "t.look", f"c{at}") for at in range(3))
    appended = runs.reply(run, held, owner=Owner("me", 16), actions=actions)
    assert [want.subject for want in appended.born] == ["a1"]
    first = runs.effect(run, "a1")
    assert (first["state"], first["token"], first["holder"], first["dispatches"]) == ("claimed", 1, "me", 1)
    assert first["lease"].total_seconds() > 0
    assert [runs.effect(run, f"a{n}")["state"] for n in (2, 3)] == ["wanted", "wanted"]
    engine.submit(
        run,
        c.RecordResult(actor="system", at=runs.now(), action="a1", result=seal(1)),
        fence=Fence(appended.born[0].key, 1, True),
    )


def test_an_owner_at_the_end_of_its_slice_takes_nothing() -> None:
    run = runs.begin()
    held = runs.take(run)
    appended = runs.reply(run, held, owner=Owner("me", 0), more=True)
    assert appended.born == []
    assert runs.effect(run, "t2")["state"] == "wanted"


def test_the_verdict_of_a_fatal_stage_closes_what_is_open() -> None:
    run = runs.begin()
    runs.reply(run, output={"n": 1})
    command = c.RecordVerdict(actor="system", at=runs.now(), turn="t1", verdict=verdict("fatal", "No."))
    engine.submit(run, command)
    row = models.Run.objects.get(id=run)
    assert (row.state, row.is_fault, row.ended_at is not None) == ("failed", True, True)
    assert connection.in_atomic_block is False


def test_what_no_column_holds_fails_alone_in_its_batch() -> None:
    run = runs.begin()
    state = eventlog.load(run, fresh=True).state
    bad = c.RecordReply(
        actor="system", at=1, turn=next(iter(state.turns)), output=blobs.seal({}), milliseconds=2**40
    )
    good = c.PauseRun(actor="user:operator", at=1, reason="To look at it.")
    letters = [mailbox.Letter(engine.Submission(one, None, None, None, "runs")) for one in (bad, good)]
    engine._decide_and_append(run, letters)
    assert isinstance(letters[0].error, DataError)
    assert letters[1].error is None
    assert eventlog.load(run, fresh=True).state.status == "paused"


# ---- the owner's next effect in the row of the one it finished ----
def test_an_owners_next_effect_takes_the_row_of_what_it_finished() -> None:
    run = runs.begin()
    held = runs.take(run)
    appended = runs.reply(run, held, owner=Owner("tester", 4), actions=(), more=True)
    (born,) = appended.born
    (row,) = models.Effect.objects.filter(stream_id=run)
    assert (row.key, row.state, row.token, row.holder, row.dispatches) == (
        born.key,
        "claimed",
        1,
        "tester",
        1,
    )
    assert not outbox.is_held(held.key, held.token)
    with pytest.raises(engine.Lost):
        runs.reply(run, held, owner=Owner("late", 4), actions=(), more=True)


def test_what_acted_on_the_world_keeps_its_row() -> None:
    run = runs.begin()
    runs.propose(run, "t.look")  # a read, allowed at once
    held = next(one for one in outbox.claim(run, "tester", limit=9) if one.kind == "execute")
    result = c.RecordResult(actor="system", at=runs.now(), action="a1", result=seal({"n": 1}))
    engine.submit(run, result, fence=runs.fence(held), owner=Owner("tester", 4))
    assert runs.effect(run, "a1", "execute")["state"] == "done"
    assert runs.effect(run, "t2", "turn")["state"] == "claimed"


def test_an_effect_that_was_dropped_before_comes_back_in_its_own_row() -> None:
    run = runs.begin()
    held = runs.take(run)
    trial = engine._decide(
        eventlog.load(run, fresh=True),
        engine.Submission(reply_of(run, actions=(), more=True), runs.fence(held), None, None, "runs"),
    )
    (key,) = kinds.find("run").plan(trial[0])
    models.Effect.objects.create(
        key=key, stream_id=run, kind="turn", subject="t2", queue="main", state="dropped"
    )
    appended = runs.reply(run, held, owner=Owner("tester", 4), actions=(), more=True)
    assert [want.key for want in appended.born] == [key]
    assert runs.effect(run, "t1")["state"] == "done"
    assert runs.effect(run, "t2")["state"] == "wanted"
