"""The default gate holds every action, so that these tests see what waits without any policy of approvals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator import eventlog, ports


@pytest.fixture(autouse=True)
def _holding(settings) -> Iterator[None]:  # type: ignore[no-untyped-def]
    settings.COUNTERSIGN_GATE = "orchestrator.adapters.hold_everything.HoldEverything"
    ports.gate.cache_clear()
    eventlog.forget()
    yield
    ports.gate.cache_clear()
    eventlog.forget()
