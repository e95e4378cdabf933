"""Each test begins with an empty cache of states, because streams with fixed ids return when a test is rolled back;
and nobody is rung: a test that wants work done does it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator import dispatch, eventlog


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(dispatch, "rings", False)
    eventlog.forget()
    yield
    eventlog.forget()
