"""The retention setting: understood as a whole, or nothing is removed."""

from __future__ import annotations

import pytest

from monitoring.domain import retention


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("", {}),
        (" , ", {}),
        ("content=90", {"content": 90}),
        ("run=3650, content=90", {"run": 3650, "content": 90}),
        ("content=30,run=30", {"content": 30, "run": 30}),
    ],
)
def test_days_by_kind(text: str, days: dict[str, int]) -> None:
    assert retention.days_of(text) == days


@pytest.mark.parametrize(
    "text",
    ["content", "content=", "content=0", "content=-1", "content=1.5", "content=٣", "agent=5", "policy=5",
     "content=1,content=2", "content=9x", "content=90;run=9", "run=30,content=31"],
)  # fmt: skip
def test_what_is_half_understood_is_refused(text: str) -> None:
    with pytest.raises(retention.MalformedRetention):
        retention.days_of(text)
