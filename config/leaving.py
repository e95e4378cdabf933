"""How a web process ends: whoever waits by long poll is answered first, so that no restart has to wait for them."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from orchestrator import tails

# How long the last answers may take on their way.
LAST_SECONDS = 0.5


def answer_first() -> None:
    """From now on SIGTERM answers who waits, and then stops the server. Called on the server's own thread."""
    from twisted.internet import reactor

    def leave(*_: Any) -> None:
        reactor.callFromThread(_answer, reactor)  # type: ignore[attr-defined]

    # Once it runs, because the server sets its own handler when it starts.
    reactor.callLater(0, signal.signal, signal.SIGTERM, leave)  # type: ignore[attr-defined]


def _answer(reactor: Any) -> None:
    asyncio.get_event_loop().call_soon(tails.let_go)
    reactor.callLater(LAST_SECONDS, _stop, reactor)


def _stop(reactor: Any) -> None:
    if reactor.running:
        reactor.stop()
