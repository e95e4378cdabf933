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

    served: Any = reactor

    def leave(*_: object) -> None:
        served.callFromThread(_answer, served)

    # Once it runs, because the server sets its own handler when it starts.
    served.callLater(0, signal.signal, signal.SIGTERM, leave)


def _answer(served: Any) -> None:
    asyncio.get_event_loop().call_soon(tails.let_go)
    served.callLater(LAST_SECONDS, _stop, served)


def _stop(served: Any) -> None:
    if served.running:
        served.stop()
