"""submit(stream, command): load, decide, append in one fenced statement, nudge. A lost race decides again.

The statement: one UPDATE of the stream's row compares the head and every fence; events, rows, effects done and
effects wanted are CTEs that select FROM that UPDATE. Nothing else in it may fence.

Inside a transaction (approvals deciding, a person's command) the mailbox is bypassed, the stream is expected to be
locked, and cache and nudges move when the transaction commits.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import DataError, IntegrityError, connection, transaction

from orchestrator import dispatch, eventlog, kinds, mailbox, outbox, projections, sql
from orchestrator.domain import errors
from orchestrator.domain.commands import Command
from orchestrator.domain.effects import Fence, Want
from orchestrator.domain.events import Event
from orchestrator.eventlog import Entry
from orchestrator.mailbox import Letter
from orchestrator.outbox import Owner

TRIES = 40


class Lost(errors.Conflict):
    """This worker no longer holds the effect; what it brought was not written."""


class TooBusy(errors.Conflict):
    """The run changed faster than this could be written; nothing was changed. Try again."""


class Submission(NamedTuple):
    command: Command
    fence: Fence | None
    owner: Owner | None
    kind: str | None
    queue: str
    begins: bool = False


class Appended(NamedTuple):
    """What a submission added: the state after it, its events, and the effects born in the owner's hands."""

    state: Any
    events: list[Event]
    born: list[Want]


def submit(
    stream: str,
    command: Command,
    *,
    fence: Fence | None = None,
    owner: Owner | None = None,
    kind: str | None = None,
    queue: str = "runs",
    begins: bool = False,
) -> Appended:
    """Decide a command on a stream and append what follows.

    `fence` proves that the caller still holds the effect it reports on (else Lost); `owner` takes the effects
    that this causes; `kind` allows the stream to be new; `queue` is where other workers are rung; with
    `begins` the stream is most likely new, and is not looked for first. Raises the Refused of the rule that says no.
    """
    submission = Submission(command, fence, owner, kind, queue, begins)
    if connection.in_atomic_block:
        return _submit_locked(stream, submission)
    result: Appended = mailbox.post(stream, submission, _decide_and_append)
    return result


def _submit_locked(stream: str, submission: Submission) -> Appended:
    entry = eventlog.load(stream, kind=submission.kind, fresh=True)
    after, events, fences = _decide(entry, submission)
    if not events:
        return Appended(after, [], [])
    step = _append(stream, entry, after, events, fences, submission.owner, is_new=entry.head == 0)
    if step is None:
        # Roll back with what approvals wrote: the caller held the lock, so only a fence can have been lost.
        if submission.fence is not None:
            raise Lost(stream=stream)
        raise TooBusy(stream=stream)
    grown, born, others = step

    def publish() -> None:
        eventlog.remember(stream, grown)
        _nudge(stream, grown, others, submission.queue)

    transaction.on_commit(publish)
    return Appended(after, events, born)


def _decide_and_append(stream: str, letters: Sequence[Letter]) -> None:
    """Decide a batch on one state. Each is refused alone; when a batch loses, each is appended alone."""
    if len(letters) > 1 and _try_batch(stream, letters):
        return
    for letter in letters:
        if letter.answer is None and letter.error is None:
            try:
                letter.answer = _submit_alone(stream, letter.submission)
            except BaseException as error:
                letter.error = error


def _try_batch(stream: str, letters: Sequence[Letter]) -> bool:
    try:
        entry = eventlog.load(stream)
    except eventlog.UnknownStream:
        return False
    events: list[Event] = []
    fences: list[Fence] = []
    owner: Owner | None = None
    taken: list[tuple[Letter, int, int]] = []
    state = entry.state
    queue = "runs"
    for letter in letters:
        submission: Submission = letter.submission
        try:
            after, added, more = _decide(entry._replace(state=state), submission)
        except Exception:
            continue  # decided again alone, on what will then be true; what is broken breaks nobody else's
        taken.append((letter, len(events), len(events) + len(added)))
        events += added
        fences += more
        state = after
        queue = submission.queue if submission.queue != "runs" else queue
    if not events:
        return False
    try:
        step = _append(stream, entry, state, events, fences, owner)
    except DataError:
        step = None  # one of them brought what no column holds; alone, it fails alone
    if step is None:
        eventlog.forget(stream)
        return False
    grown, _, others = step
    eventlog.keep(stream, grown)
    eventlog.keep_snapshot(stream, entry.head, grown)
    _nudge(stream, grown, others, queue)
    for letter, start, end in taken:
        letter.answer = Appended(state, events[start:end], [])
    return all(letter.answer is not None for letter in letters)


def _submit_alone(stream: str, submission: Submission) -> Appended:
    fresh = False
    follows = True
    for attempt in range(TRIES):
        if submission.begins and submission.kind is not None and attempt == 0:
            entry = eventlog.unborn(stream, submission.kind)
        else:
            entry = eventlog.load(stream, kind=submission.kind, fresh=fresh)
        try:
            after, events, fences = _decide(entry, submission)
        except errors.CountersignError:
            if fresh:
                raise
            fresh = True  # a refusal must rest on what is true now, not on what this process remembers
            continue
        if not events:
            return Appended(after, [], [])
        try:
            step = _append(
                stream,
                entry,
                after,
                events,
                fences,
                submission.owner,
                is_new=entry.head == 0,
                follows=follows,
            )
        except IntegrityError:
            if not follows:
                raise
            follows = False
            continue
        if step is not None:
            grown, born, others = step
            eventlog.keep(stream, grown)
            eventlog.keep_snapshot(stream, entry.head, grown)
            _nudge(stream, grown, others, submission.queue)
            return Appended(after, events, born)
        fence = submission.fence
        if fence is not None and not outbox.is_held(fence.key, fence.token):
            raise Lost(stream=stream)
        fresh = True
        if attempt > 2:
            time.sleep(random.uniform(0, 0.002 * min(attempt, 20)))
    raise TooBusy(stream=stream)


def _decide(entry: Entry, submission: Submission) -> tuple[Any, list[Event], list[Fence]]:
    decision = kinds.find(entry.kind).decide(entry.state, submission.command)
    return decision.state, decision.events, [submission.fence] if submission.fence is not None else []


_texts: dict[Any, str] = {}


def _append(
    stream: str,
    entry: Entry,
    after: Any,
    events: list[Event],
    fences: list[Fence],
    owner: Owner | None,
    *,
    is_new: bool = False,
    follows: bool = False,
) -> tuple[Entry, list[Want], list[Want]] | None:
    """The one statement. None when the head had moved or a fence no longer held: then nothing was written.

    With `follows` the owner's next effect may take the row of the one it has finished; it raises IntegrityError
    when that effect has a row of its own already, from a time before a pause.
    """
    events_part, last = eventlog.fragment(stream, entry.hash, events)
    parts = [events_part]
    parts += projections.fragments(projections.rows(stream, events, entry.state, after))
    wants = kinds.find(entry.kind).plan(after)
    finished = [fence for fence in fences if fence.finishes]
    new = [want for key, want in wants.items() if key not in entry.wants]
    mine, others = outbox.share(new, owner)
    parts += _effect_parts(entry, finished, mine, others, owner, follows)
    done = {fence.key for fence in finished}
    gone = [key for key in entry.wants if key not in wants and key not in done]
    if gone:
        parts.append(outbox.drop_fragment(gone))

    values: list[Any]
    if is_new:
        values = [stream, entry.kind, after.seq, last]
    else:
        values = [stream, entry.head, after.seq, last]
        _, fence_values = outbox.fence_condition(fences, 5)
        values += fence_values
    key = (is_new, len(fences), tuple(part.key for part in parts))
    text = _texts.get(key)
    if text is None:
        text = _texts[key] = _render(parts, fences, is_new)
    for part in parts:
        values += part.values
    rows = sql.run(text, values)
    if not rows[0][0]:
        return None
    return Entry(entry.kind, after, last, wants), mine, others


def _effect_parts(
    entry: Entry,
    finished: Sequence[Fence],
    mine: Sequence[Want],
    others: Sequence[Want],
    owner: Owner | None,
    follows: bool,
) -> list[sql.Fragment]:
    """What becomes of effect rows: the finished, and the newly wanted."""
    parts = []
    if follows and owner is not None and mine and len(finished) == 1:
        known = entry.wants.get(finished[0].key)
        if known is not None and known.kind not in outbox.KEPT:
            parts.append(outbox.follow_fragment(finished[0], mine[0], owner))
            finished, mine = (), mine[1:]
    if finished:
        parts.append(outbox.finish_fragment(finished))
    if mine or others:
        parts.append(outbox.want_fragment(mine, others, owner))
    return parts


def _render(parts: Sequence[sql.Fragment], fences: Sequence[Fence], is_new: bool) -> str:
    if is_new:
        source = (
            's AS (INSERT INTO "orchestrator_stream" (id, kind, head, hash) '
            "VALUES ($1::uuid, $2::text, $3::int8, $4::bytea) ON CONFLICT DO NOTHING RETURNING id)"
        )
        first = 5
    else:
        condition, fence_values = outbox.fence_condition(fences, 5)
        fenced = f" AND {condition}" if condition else ""
        source = (
            's AS (UPDATE "orchestrator_stream" SET head=$3::int8, hash=$4::bytea '
            f"WHERE id=$1::uuid AND head=$2::int8{fenced} RETURNING id)"
        )
        first = 5 + len(fence_values)
    texts = [source]
    for part in parts:
        texts.append(part.render(first))
        first += len(part.values)
    return f"WITH {', '.join(texts)} SELECT count(*) FROM s"


def _nudge(stream: str, entry: Entry, others: Sequence[Want], queue: str) -> None:
    dispatch.announce(stream, entry.head)
    if others:
        if any(want.queue == "main" for want in others):
            dispatch.wake(stream, queue)
        if any(want.queue == "isolated" for want in others):
            dispatch.wake(stream, "isolated")
