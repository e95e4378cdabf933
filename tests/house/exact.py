"""The record after a journey: rows that are exactly what the log says, and chains that are whole.

`assert_record_is_exact()` is for the end of a test; the fixture `exact_record` does it by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.services import rebuild, verify


def assert_record_is_exact() -> None:
    """Every row that shadows the log is what the log says, and no event is other than it was written."""
    assert [found.text for found in rebuild.differences()] == []
    assert [found.text for found in verify.verify_log().findings] == []


@pytest.fixture
def exact_record() -> Iterator[None]:
    yield
    assert_record_is_exact()
