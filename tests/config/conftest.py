"""Each test begins with an empty cache of states: a person's stream has the same id in every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator import eventlog


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    eventlog.forget()
    yield
    eventlog.forget()
