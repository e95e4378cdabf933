"""A worker's loop over one run: claim once, perform, go on until the run must wait or its time slice is over.

Decides what becomes of a failure: tried again after a while, told to the agent, paused for a person, or, after
too many dispatches, a dead letter.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from orchestrator import blobs, dispatch, engine, eventlog, outbox, ports
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.effects import Fence
from orchestrator.domain.state import RunState
from orchestrator.outbox import Held, Owner
from orchestrator.services import answers, disk, leases
from orchestrator.services.perform import perform
from orchestrator.services.replying import usage_fields
from orchestrator.services.reports import NoLongerWanted

log = structlog.get_logger(__name__)

AT_ONCE = 16
BACKOFF_SECONDS = (1, 2, 5, 15, 30)

Overran = Callable[[errors.PortFailure], None]


def advance_run(*, run: str, queue: str = "main") -> int:
    """Go on with a run as far as it goes; returns how many effects were performed."""
    if disk.disk_is_full():
        log.error("claims_stopped", reason="the disk is full")
        return 0
    own = _Slice(run, queue)
    try:
        own.work()
    except ports.Abandoned:
        # `overran` has put everything back on another thread; this one has nothing left that is its own.
        return own.performed
    except BaseException:
        own.put_back()
        raise
    own.put_back()
    return own.performed


class _Slice:
    """What one thread holds of one run for a slice of time: the effect it performs, and those that wait."""

    def __init__(self, run: str, queue: str) -> None:
        self.run = run
        self.queue = queue
        self.holder = leases.holder()
        self.owner = Owner(self.holder, AT_ONCE if queue == "main" else 0)
        self.until = time.monotonic() + settings.SLICE_SECONDS
        self.pending: deque[Held] = deque()
        self.current: Held | None = None
        self.performed = 0

    def work(self) -> None:
        while True:
            if not self.pending:
                if self.performed and not eventlog.load(self.run).wants:
                    return  # what others want of the run since, they have rung for
                self._take(outbox.claim(self.run, self.holder, limit=AT_ONCE, queue=self.queue))
                if not self.pending:
                    return
            if time.monotonic() > self.until:
                return
            held = self.current = self.pending.popleft()
            born = _perform(self.run, held, self.owner, self._overran)
            self.current = None
            leases.let_go(held.key)
            self.performed += 1
            self._take(born)

    def _take(self, taken: list[Held]) -> None:
        for held in taken:
            leases.keep(self.run, held)
        self.pending.extend(taken)

    def put_back(self) -> None:
        """Let everything go. What was not begun is given back, and somebody is rung for it."""
        if self.current is not None:
            leases.let_go(self.current.key)
        if not self.pending:
            return
        for held in self.pending:
            leases.let_go(held.key)
            outbox.put_back(held.key, held.token, count=False)
        dispatch.wake(self.run, "runs" if self.queue == "main" else self.queue)

    def _overran(self, failure: errors.PortFailure) -> None:
        """The time of the effect in hand is up while its thread is still inside somebody's function. This thread
        records that and gives back what waits; the other finds nothing of its own when it returns."""
        assert self.current is not None
        try:
            _failed(self.run, self.current, failure)
        except Exception:
            # The lease is let go all the same: another worker takes the effect when it has run out.
            log.exception("overrun_not_recorded", run=self.run, subject=self.current.subject)
        finally:
            try:
                self.put_back()
                dispatch.wake(self.run, "runs")
            finally:
                connection.close()


def _perform(run: str, held: Held, owner: Owner, overran: Overran | None = None) -> list[Held]:
    """One effect, with its failures dealt with. Returns what was born in our hands.

    With `overran` an agent may work on this very thread; ports.Abandoned then says that its time was up.
    """
    entry = eventlog.load(run)
    if held.key not in entry.wants:
        entry = eventlog.load(run, fresh=True)
        if held.key not in entry.wants:
            _set_aside(run, held)
            return []
    if held.dispatches > settings.MAX_DISPATCHES:
        _bury(
            run,
            held,
            f"This was started {held.dispatches - 1} times and never finished; a worker may die of it.",
        )
        return []
    state: RunState = entry.state
    try:
        appended = perform(state, held, owner, overran)
    except NoLongerWanted:
        eventlog.forget(run)
        _set_aside(run, held)
        return []
    except errors.PortFailure as failure:
        if leases.is_gone(held.key):
            # The run ended, or nobody knows: it is looked at again before anything is said about it.
            _set_aside(run, held, failure.message)
        else:
            _failed(run, held, failure)
        return []
    except engine.Lost:
        log.info("effect_lost", run=run, kind=held.kind, subject=held.subject)
        return []
    except errors.Refused as refused:
        # The run moved on while the work was done: what it brought is not wanted any more.
        log.info("effect_refused", run=run, kind=held.kind, subject=held.subject, reason=refused.message)
        _set_aside(run, held, refused.message)
        return []
    except errors.Corrupt as corrupt:
        log.exception("run_corrupt", run=run, kind=held.kind, subject=held.subject)
        _bury(run, held, corrupt.message)
        return []
    except Exception as error:
        log.exception("effect_failed", run=run, kind=held.kind, subject=held.subject)
        _failed(
            run,
            held,
            errors.PortFailure(f"Something unexpected happened ({type(error).__name__}).", retry="transient"),
        )
        return []
    if appended is None:
        return []
    return [Held(want.key, want.kind, want.subject, 1, 1) for want in appended.born]


def _set_aside(run: str, held: Held, reason: str = "") -> None:
    """Close an effect that the run no longer wants; one that it still wants is tried again after a while.

    The stream is locked meanwhile: a resume in the same moment must not find it closed just after wanting it.
    """
    with transaction.atomic():
        eventlog.lock(run)
        wanted = held.key in eventlog.load(run, fresh=True).wants
        if not wanted:
            outbox.finish(held.key, held.token, "dropped", _clean(reason))
    if wanted:
        _failed(run, held, errors.PortFailure(reason or "The run moved on meanwhile.", retry="transient"))


def _clean(text: str) -> str:
    """Text from outside, as every column and event can hold it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _failed(run: str, held: Held, failure: errors.PortFailure) -> None:
    """What becomes of a failure, by its class."""
    message = _clean(failure.message)
    if failure.retry == "transient":
        if held.dispatches >= settings.MAX_DISPATCHES:
            _bury(run, held, f"{message} Tried {held.dispatches} times.")
            return
        base = BACKOFF_SECONDS[min(held.dispatches, len(BACKOFF_SECONDS)) - 1]
        wait = failure.retry_after if failure.retry_after is not None else base * random.uniform(0.8, 1.2)
        outbox.put_back(held.key, held.token, after=min(wait, 3600), error=message)
        return
    if held.kind != "turn":
        _bury(run, held, message)
        return
    transcript = failure.transcript
    command = c.RecordTurnFailure(
        actor="system",
        at=eventlog.micros(timezone.now()),
        turn=held.subject,
        retry=failure.retry,
        text=message,
        transcript=blobs.seal(transcript) if transcript is not None else None,
        **usage_fields(failure.usage),
    )
    try:
        engine.submit(run, command, fence=Fence(held.key, held.token, True))
    except engine.Lost:
        log.info("effect_lost", run=run, kind=held.kind, subject=held.subject)
    except errors.Refused as refused:
        _set_aside(run, held, refused.message)


def _bury(run: str, held: Held, text: str) -> None:
    """A dead letter: the run pauses for a person, and the effect is not handed out again by itself. Both in one
    transaction, so that a resume finds the effect where it can want it again."""
    command = c.DeadLetter(
        actor="system", at=eventlog.micros(timezone.now()), kind=held.kind, subject=held.subject, text=text
    )
    try:
        with transaction.atomic():
            eventlog.lock(run)
            state: RunState = eventlog.load(run, fresh=True).state
            engine.submit(run, command, fence=Fence(held.key, held.token, False))
            outbox.finish(held.key, held.token, "dead", text)
            if held.kind == "answer":
                answers.tell_given_up(state, held.subject)
    except engine.Lost:
        log.info("effect_lost", run=run, kind=held.kind, subject=held.subject)
