"""The rows of a quorum in a form: who must agree, in which order, for a policy and for a single rule alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from msgspec.structs import replace

from approvals.domain import soundness
from approvals.domain.terms import Level
from orchestrator.domain.soundness import Fault
from orchestrator.forms.parts import SpecForm, offer, typed

TOGETHER, AFTER = "together", "after"
ESCALATE_HELP = (
    "Their members may then decide as well. Nobody chosen: it goes up to the administrators, who are told."
)


class LevelForm(SpecForm):
    """So many people of one group, asked together with the row above or once it is full."""

    name = forms.CharField(
        max_length=60,
        required=False,
        label="Name",
        widget=forms.TextInput(attrs={"placeholder": "as its group"}),
    )
    group = forms.ChoiceField(required=False)
    need = forms.IntegerField(min_value=1, max_value=soundness.MAX_NEED, label="People", required=False)
    opens = forms.ChoiceField(
        choices=[(TOGETHER, "with the one above"), (AFTER, "after those above")],
        required=False,
        label="Is asked",
    )

    def __init__(self, *args: Any, groups: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "group", [("", "Choose a group"), *((group, group) for group in groups)])
        if self.initial.get("is_new"):
            self.fields["group"].widget.attrs["autofocus"] = True


def sent_levels(data: Mapping[str, Any], prefix: str, groups: Sequence[str]) -> list[LevelForm]:
    """The rows that a browser sent under a prefix."""
    rows = range(count(data, f"{prefix}levels", soundness.MAX_LEVELS))
    return [LevelForm(data, prefix=f"{prefix}level-{at}", groups=groups) for at in rows]


def shown_levels(rows: Sequence[Mapping[str, Any]], prefix: str, groups: Sequence[str]) -> list[LevelForm]:
    """The rows with these values, nothing examined yet."""
    return [
        LevelForm(initial=dict(row), prefix=f"{prefix}level-{at}", groups=groups)
        for at, row in enumerate(rows)
    ]


def typed_levels(data: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """What was typed into the rows, as initial values."""
    rows = range(count(data, f"{prefix}levels", soundness.MAX_LEVELS))
    return [typed(data, LevelForm, f"{prefix}level-{at}") for at in rows]


def level_rows(levels: Sequence[Level]) -> list[dict[str, Any]]:
    """Levels as the initial values of their rows, in the order in which they are asked."""
    before: int | None = None
    rows = []
    for level in _ranked(levels):
        opens = AFTER if before is not None and level.order > before else TOGETHER
        rows.append({"name": level.name, "group": level.group, "need": level.need, "opens": opens})
        before = level.order
    return rows


def levels_of(rows: Sequence[LevelForm], kept: Sequence[Level] = ()) -> tuple[Level, ...]:
    """The levels that the rows say. Numbers that order them as before stay as they were published."""
    found: list[Level] = []
    order = 0
    for place, row in enumerate(rows):
        order += bool(place) and row.given("opens") == AFTER
        name = row.given("name").strip() or _unnamed(row.given("group"), found)
        found.append(Level(name=name, group=row.given("group"), need=row.given("need", 0), order=order))
    return tuple(kept) if _ranked(kept) == found else tuple(found)


def at_row(fault: Fault, rows: Sequence[LevelForm], otherwise: Callable[[Fault], object]) -> None:
    """Put a fault of the levels at the row and field that it names; anything else goes the other way."""
    kind, _, rest = fault.field.partition(".")
    place, _, field = rest.partition(".")
    if kind == "levels" and rows:
        at = int(place) if place.isdigit() and int(place) < len(rows) else len(rows) - 1
        rows[at].show([Fault(field or "group", fault.text)])
    else:
        otherwise(fault)


def count(data: Mapping[str, Any], name: str, most: int) -> int:
    """How many rows a browser says that it sends, within bounds."""
    given = str(data.get(name, "0"))
    return min(int(given), most) if given.isascii() and given.isdigit() and len(given) < 4 else 0


def _unnamed(group: str, before: Sequence[Level]) -> str:
    """A level without a name is called after its group, numbered where there is one of that name already."""
    names = {level.name for level in before}
    numbered = (f"{group} {number}" for number in range(2, soundness.MAX_LEVELS + 2))
    return next((name for name in (group, *numbered) if name not in names), group)


def _ranked(levels: Sequence[Level]) -> list[Level]:
    """Levels in their order, with orders counted from 0 without gaps."""
    orders = sorted({level.order for level in levels})
    ordered = sorted(levels, key=lambda level: level.order)
    return [replace(level, order=orders.index(level.order)) for level in ordered]
