from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator import eventlog
from tests.orchestrator import runs


@pytest.fixture(autouse=True)
def _own_keys(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.delenv("COUNTERSIGN_SIGNING_KEY", raising=False)


@pytest.fixture
def run() -> str:
    """A run of eight events, between two others."""
    runs.begin()
    run = runs.begin()
    for _ in range(3):
        runs.reply(run, more=True)
    runs.begin()
    assert eventlog.head_of(run) == 8
    return run
