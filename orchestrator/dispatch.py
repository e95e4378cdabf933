"""After commit: wake workers and announce heads. Both are nudges: lose them all and only time is lost.

Announcing never costs the step: it marks the stream dirty, and a side thread tells the listeners at most once per
stream in 20 ms. Waking sends a Celery message that carries the run's id only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import structlog
from celery import current_app

log = structlog.get_logger(__name__)

ANNOUNCE_SECONDS = 0.02

Listener = Callable[[Mapping[str, int]], None]

_listeners: list[Listener] = []
_dirty: dict[str, int] = {}
_guard = threading.Lock()
_ring = threading.Event()
_thread: threading.Thread | None = None

# Tests remove the lucky path by making the process deaf: the sweep must then find everything.
is_deaf = False
# Measurements of the engine alone ring for nobody.
rings = True


def subscribe(listener: Listener) -> None:
    """Be told `{stream: head}` after commits, in this process, from a side thread. At most once, may be lost."""
    if listener not in _listeners:
        _listeners.append(listener)


def unsubscribe(listener: Listener) -> None:
    _listeners.remove(listener)


def announce(stream: str, head: int) -> None:
    """Mark a stream as moved."""
    if not _listeners or is_deaf:
        return
    with _guard:
        first = not _dirty
        _dirty[stream] = head
    if first:
        _ensure_thread()
        _ring.set()


def wake(stream: str, queue: str = "runs") -> None:
    """Ring for a worker. `resume` is for runs that a person has just released, and is never behind a backlog."""
    if is_deaf or not rings:
        return
    try:
        current_app.send_task(
            "orchestrator.tasks.advance_run",
            kwargs={"stream": stream},
            queue=queue,
            ignore_result=True,
            retry=False,
        )
    except Exception:
        # The sweep rings again; the commit that led here must not fail over a lost nudge.
        log.warning("wake_lost", stream=stream, queue=queue, exc_info=True)


def _ensure_thread() -> None:
    global _thread
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_tell, name="announce", daemon=True)
        _thread.start()


def _tell() -> None:
    pause = threading.Event()
    while True:
        _ring.wait()
        with _guard:
            heads = dict(_dirty)
            _dirty.clear()
            _ring.clear()
        for listener in list(_listeners):
            try:
                listener(heads)
            except Exception:
                log.warning("announce_lost", streams=len(heads), exc_info=True)
        # Told at once when nothing was told for a while; a burst travels together.
        pause.wait(ANNOUNCE_SECONDS)


TextListener = Callable[[str, str, str], None]
_text_listeners: list[TextListener] = []


def subscribe_text(listener: TextListener) -> None:
    """Be told (run, turn, chunk) while an agent writes. Shown live, never recorded, may be lost."""
    if listener not in _text_listeners:
        _text_listeners.append(listener)


def tell_text(run: str, turn: str, chunk: str) -> None:
    for listener in list(_text_listeners):
        try:
            listener(run, turn, chunk)
        except Exception:
            log.warning("text_lost", run=run, exc_info=True)


PeopleListener = Callable[[Sequence[str]], None]
_people_listeners: list[PeopleListener] = []


def subscribe_people(listener: PeopleListener) -> None:
    """Be told the names of people for whom something is new outside the log. May be lost."""
    if listener not in _people_listeners:
        _people_listeners.append(listener)


def tell_people(names: Sequence[str]) -> None:
    """Say that open pages of these people have something new to ask for."""
    for listener in list(_people_listeners):
        try:
            listener(names)
        except Exception:
            log.warning("people_lost", people=len(names), exc_info=True)
