"""Event rows: bytes that come back as they were, a cursor that skips nothing, snapshots that may be lost."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from orchestrator import eventlog, kinds, models, sql
from orchestrator.domain import digests
from orchestrator.domain import events as e
from orchestrator.services import journal, verify
from tests.orchestrator import runs
from tests.orchestrator.domain.test_digests import json_values
from tests.orchestrator.workflows import seal

transactional = pytest.mark.django_db(transaction=True)


def record(stream: str, value: Any) -> int:
    return journal.record(
        kind="policy",
        stream=stream,
        facts=[("policy.published", {"v": value})],
        by="user:a",
        now=timezone.now(),
    )


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values)
def test_canonical_bytes_survive_the_table(value: Any) -> None:
    stream = journal.stream_for("policy", "bytes")
    seq = record(stream, value)
    (stored,) = eventlog.events_after(stream, seq - 1)
    assert stored.payload.encode() == digests.canonical({"v": value})


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["\0", "a\0b\x1f", "\u2028\uffff", "\U0001f600", '"\\/', "1e5"])
def test_awkward_text_survives_the_table(text: str) -> None:
    stream = journal.stream_for("policy", "text")
    record(stream, {text: text})
    (stored,) = eventlog.events_after(stream, 0)
    assert msgspec.json.decode(stored.payload) == {"v": {text: text}}
    assert verify.verify_log().is_sound


@pytest.mark.django_db
def test_times_are_hashed_as_the_column_holds_them() -> None:
    run = runs.begin()
    for event in eventlog.walk(run):
        assert event.at == eventlog.micros(event.occurred_at)
    assert verify.verify_log().is_sound


# ---- reading across streams ----
def read_on(cursor: eventlog.Cursor, count: int, page: int = 100) -> list[eventlog.Stored]:
    """Read until so many events came: a transaction that is open anywhere in the cluster holds them back."""
    seen: list[eventlog.Stored] = []
    end = time.monotonic() + 60
    while len(seen) < count and time.monotonic() < end:
        found, cursor = eventlog.read_since(cursor, page)
        seen += found
        if not found:
            time.sleep(0.02)
    return seen


@transactional
def test_the_cursor_does_not_skip_an_event_that_commits_late() -> None:
    early, late = (journal.stream_for("policy", name) for name in ("early", "late"))
    cursor = eventlog.Cursor()
    written, go = threading.Event(), threading.Event()

    def slow(number: int) -> None:
        if number == 0:
            with transaction.atomic():
                record(late, "begun first")
                written.set()
                assert go.wait(20)
            return
        assert written.wait(20)
        record(early, "committed first")
        found, moved = eventlog.read_since(cursor, 100)
        seen.extend(event.payload for event in found)
        go.set()
        cursors.append(moved)

    seen: list[str] = []
    cursors: list[eventlog.Cursor] = []
    assert runs.raised(runs.in_threads(2, slow)) == []
    seen += [event.payload for event in read_on(cursors[0], 2 - len(seen))]
    assert sorted(seen) == ['{"v":"begun first"}', '{"v":"committed first"}']


@transactional
def test_the_cursor_gives_every_event_once_and_each_stream_in_order() -> None:
    streams = [journal.stream_for("policy", f"many {at}") for at in range(6)]
    assert runs.raised(runs.in_threads(6, lambda at: [record(streams[at], n) for n in range(20)])) == []
    seen = [(event.stream, event.seq) for event in read_on(eventlog.Cursor(), 120, page=7)]
    assert len(seen) == len(set(seen)) == 120
    for stream in streams:
        assert [seq for of, seq in seen if of == stream] == list(range(1, 21))


@pytest.mark.django_db
def test_a_walk_gives_every_event_of_every_stream_in_order_however_small_its_pages() -> None:
    made = sorted(runs.begin() for _ in range(5))
    for run in made:
        runs.reply(run, more=True)
    expected = [(run, seq) for run in made for seq in (1, 2, 3, 4)]
    for page in (1, 2, 3, 4, 7, 1000):
        assert [(event.stream, event.seq) for event in eventlog.walk(page=page)] == expected
        assert [event.seq for event in eventlog.walk(made[2], page=page)] == [1, 2, 3, 4]
        assert [stream for stream, *_ in eventlog.streams(page=page)] == made
    assert list(eventlog.streams("policy")) == []


# ---- states ----
def state_after(run: str) -> Any:
    eventlog.forget()
    return eventlog.load(run)


@transactional
def test_a_cold_load_equals_what_the_process_remembers() -> None:
    run = runs.begin()
    for _ in range(5):
        runs.reply(run, more=True)
    warm = eventlog.load(run)
    assert state_after(run) == warm


@transactional
def test_a_snapshot_is_kept_every_two_hundred_events_and_shortens_the_fold() -> None:
    run = runs.begin()
    for _ in range(105):
        runs.reply(run, more=True)
    kept = models.Snapshot.objects.get(stream_id=run)
    assert kept.seq >= eventlog.states.SNAPSHOT_EVERY
    warm = eventlog.load(run)
    sql.run('DELETE FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq<$2', [run, kept.seq])
    assert state_after(run) == warm


@transactional
def test_a_lost_snapshot_costs_nothing_but_time() -> None:
    run = runs.begin()
    for _ in range(105):
        runs.reply(run, more=True)
    warm = eventlog.load(run)
    models.Snapshot.objects.all().delete()
    assert state_after(run) == warm


@transactional
def test_a_snapshot_of_another_version_is_ignored() -> None:
    run = runs.begin()
    for _ in range(105):
        runs.reply(run, more=True)
    warm = eventlog.load(run)
    models.Snapshot.objects.update(version=kinds.find("run").version - 1, state=b"not even JSON")
    assert state_after(run) == warm


@transactional
def test_a_snapshot_never_goes_back() -> None:
    run = runs.begin()
    old = eventlog.load(run)
    for _ in range(105):
        runs.reply(run, more=True)
    kept = models.Snapshot.objects.get(stream_id=run).seq
    eventlog.keep_snapshot(run, -200, old)
    assert models.Snapshot.objects.get(stream_id=run).seq == kept


@transactional
def test_the_cache_is_bounded_and_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog.states, "CACHE_STATES", 3)
    made = [runs.begin() for _ in range(5)]
    assert list(eventlog.states._cache) == made[-3:]
    entry = eventlog.load(made[-1])
    runs.reply(made[-1], more=True)
    eventlog.remember(made[-1], entry)
    assert eventlog.load(made[-1]).head == 4


@pytest.mark.django_db
def test_a_lock_outside_a_transaction_is_a_mistake() -> None:
    assert connection.in_atomic_block
    with pytest.raises(eventlog.UnknownStream):
        eventlog.lock("00000000-0000-0000-0000-00000000dead")


# ---- a long run ----
def lengthened(run: str, until: int) -> None:
    """Give a run finished turns by bulk insert, chained as the engine would."""
    entry = eventlog.load(run, fresh=True)
    decider = kinds.find("run")
    state, previous = entry.state, entry.hash
    rows: list[tuple[Any, ...]] = []
    while state.seq < until:
        turn = next(iter(state.turns))
        bodies = [
            e.TurnCompleted(turn=turn, more=True, note="working"),
            e.TurnRequested(
                turn=f"t{state.totals.turns + 1}",
                stage="one",
                agent="worker",
                attempt=1,
                number=state.totals.turns + 1,
            ),
        ]
        for body in bodies:
            event = e.Event(state.seq + 1, 1_700_000_000_000_000 + state.seq, "system", 0, body)
            state = decider.evolve(state, event)
            name, version = e.name_of(body)
            payload = e.encode(body)
            previous = digests.link(
                previous, e.envelope(run, event.seq, name, version, "system", 0, event.at), payload
            )
            moment = eventlog.EPOCH + dt.timedelta(microseconds=event.at)
            rows.append((run, event.seq, name, version, "system", 0, moment, payload.decode(), previous))
    with (
        connection.cursor() as cursor,
        cursor.copy(
            'COPY "orchestrator_event" (stream_id,seq,type,version,actor,cause,occurred_at,payload,hash) FROM STDIN'
        ) as copy,
    ):
        for row in rows:
            copy.write_row(row)
    sql.run('UPDATE "orchestrator_stream" SET head=$2, hash=$3 WHERE id=$1::uuid', [run, state.seq, previous])
    eventlog.forget()


@pytest.mark.django_db
def test_the_state_at_twenty_thousand_events_is_no_larger_than_at_a_thousand() -> None:
    run = runs.begin()
    decider = kinds.find("run")
    lengthened(run, 1_000)
    early = decider.freeze(eventlog.load(run).state)
    lengthened(run, 20_000)
    entry = eventlog.load(run)
    late = decider.freeze(entry.state)
    assert early is not None
    assert late is not None
    assert entry.head == 20_000
    assert len(late) < 2 * len(early)
    assert len(entry.wants) == 1


@pytest.mark.django_db
def test_a_long_run_goes_on_from_its_snapshot_and_stays_sound() -> None:
    run = runs.begin()
    lengthened(run, 5_000)
    entry = eventlog.load(run)
    eventlog.keep_snapshot(run, 0, entry)
    eventlog.forget()
    runs.reply(run, output={"n": 1})
    eventlog.forget()
    assert eventlog.load(run).head == 5_001
    assert verify.verify_log().is_sound


@pytest.mark.django_db
def test_content_of_an_event_is_readable_from_the_row_alone() -> None:
    run = runs.begin(inputs={"a": [1, "x"]})
    (started, *_) = eventlog.events_after(run, 0)
    body = started.body
    assert isinstance(body, e.RunStarted)
    assert body.input == seal({"a": [1, "x"]})
    assert eventlog.event_at(run, 2).type == "turn.requested"
    assert [event.seq for event in eventlog.events_before(run, 2)] == [1]
    with pytest.raises(eventlog.UnknownStream):
        eventlog.event_at(run, 3)
