"""Each test begins with an empty cache of states: streams with fixed ids return when a test is rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator import eventlog


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    eventlog.forget()
    yield
    eventlog.forget()
