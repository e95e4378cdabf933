"""The Run page: what the run is doing, in words, and whether one may stop it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from monitoring.domain.amounts import cost_words, count_words
from orchestrator.domain.people import Person
from orchestrator.domain.schemas import clip
from orchestrator.queries import EffectCard, Past, RunCard, RunDetail, StageCard
from orchestrator.queries import watching as queries

TABS = ("trace", "actions", "outputs", "cost", "log", "files")
LABELS = {"log": "Events"}
DOING = {
    "turn": "{who} is working",
    "validate": "The output is being checked",
    "assess": "The gate weighs {who}",
    "execute": "{who} is being executed",
}
WAITING = {
    "turn": "{who} is to be asked",
    "validate": "The output waits to be checked",
    "assess": "{who} waits for the gate",
    "execute": "{who} waits to be executed",
}


@dataclass(frozen=True)
class Notice:
    """What a person must know first: what happened, what was kept, what to do."""

    tone: str
    title: str
    text: str
    kept: str = ""
    action_url: str = ""
    action_label: str = ""


@dataclass(frozen=True)
class Work:
    """One thing that is out now, in words."""

    text: str
    state: str
    since: dt.datetime
    tries: int
    next_at: dt.datetime | None
    error: str


@dataclass(frozen=True)
class Tab:
    label: str
    url: str
    is_current: bool
    count: str = ""


@dataclass(frozen=True)
class Sheet:
    """What the sheet of a dangerous command says before it asks for the reason."""

    stops: tuple[str, ...]
    happened: tuple[str, ...]


@dataclass(frozen=True)
class RunPage:
    run: RunDetail
    cost: str
    tokens: str
    stages: tuple[Mapping[str, Any], ...]
    now: tuple[Work, ...]
    more_now: int
    notice: Notice | None
    tabs: tuple[Tab, ...]
    tab: str
    may_control: bool
    pause: Sheet
    cancel: Sheet
    past: Past | None
    head: int

    @property
    def card(self) -> RunCard:
        return self.run.card

    @property
    def stream(self) -> str:
        return f"run:{self.card.id}"

    @property
    def url(self) -> str:
        """This tab, as it is now."""
        return _tab_url(self.card.id, self.tab)

    @property
    def carry(self) -> str:
        """What the page's own links begin their query with, so that they stay at the moment that is shown."""
        return f"at={self.past.seq}&" if self.past else ""

    @property
    def earlier(self) -> int:
        """The event before the one shown, 0 when there is none."""
        return self.run.head - 1

    @property
    def later(self) -> int:
        """The event after the one shown, 0 when that is the last."""
        return self.run.head + 1 if self.run.head < self.head else 0

    @property
    def can_pause(self) -> bool:
        return self.may_control and self.card.state in {"running", "waiting"}

    @property
    def can_resume(self) -> bool:
        return self.may_control and self.card.state == "paused"

    @property
    def can_cancel(self) -> bool:
        return self.may_control and not self.card.is_over


MOST_NOW = 8
MOST_SAID = 120


def run_page(run: str, *, tab: str, person: Person, at: int = 0) -> RunPage:
    """Everything around the tab, now or right after the event `at`. Nothing can be controlled in the past.

    Raises UnknownRun.
    """
    past = queries.as_it_was(run, at) if at else None
    detail = past.detail if past else queries.run_detail(run)
    card = detail.card
    effects = () if past else queries.effects_now(run)
    out = tuple(_work(effect) for effect in effects[:MOST_NOW])
    outputs = [stage.output.digest for stage in detail.stages if stage.output]
    notes = past.notes() if past else queries.notes_of(run, outputs) if outputs else {}
    return RunPage(
        run=detail,
        cost=cost_words(card.cost, unpriced=card.unpriced, tokens=card.tokens),
        tokens=f"{card.tokens:,}",
        stages=tuple(_stage(stage, notes) for stage in detail.stages),
        now=out,
        more_now=len(effects) - len(out),
        notice=_notice(detail, effects, past),
        tabs=_tabs(detail, tab, past),
        tab=tab,
        may_control=past is None and person.has_perm("orchestrator.control_run"),
        pause=_pause_sheet(detail),
        cancel=_cancel_sheet(detail),
        past=past,
        head=queries.heads([run]).get(run, detail.head) if past else detail.head,
    )


def _stage(stage: StageCard, notes: Mapping[str, str]) -> Mapping[str, Any]:
    detail = stage.agent_name if not stage.detail else f"{stage.agent_name}, {stage.detail}"
    return {
        "label": stage.name,
        "state": stage.state,
        "verdict": stage.verdict,
        "detail": detail,
        # A stage passes as well when everything in it was turned away: its agent says how much that was.
        "said": clip(notes.get(stage.output.digest, ""), MOST_SAID) if stage.output else "",
        "is_current": stage.is_current,
    }


def _tab_url(run: str, tab: str) -> str:
    return reverse("monitoring:run" if tab == "trace" else f"monitoring:run_{tab}", args=[run])


def _at(past: Past | None, *query: str) -> str:
    """A query that stays at the moment that is shown."""
    parts = [*([f"at={past.seq}"] if past else []), *query]
    return f"?{'&'.join(parts)}" if parts else ""


def _tabs(detail: RunDetail, current: str, past: Past | None) -> tuple[Tab, ...]:
    card = detail.card
    files = len(queries.files_left(detail.input)[0])
    counts = {"trace": f"{card.head:,}", "actions": f"{card.actions:,}", "files": f"{files:,}"}
    tabs = []
    for name in TABS:
        url = _tab_url(card.id, name) + _at(past)
        tabs.append(Tab(LABELS.get(name, name.capitalize()), url, name == current, counts.get(name, "")))
    return tuple(tabs)


def _work(effect: EffectCard) -> Work:
    words = DOING if effect.state == "claimed" else WAITING
    text = words.get(effect.kind, "{who} is wanted").format(who=effect.who)
    if effect.state == "dead":
        text = f"Given up: {text[0].lower()}{text[1:]}"
    return Work(
        text=text,
        state={"claimed": "running", "wanted": "pending", "dead": "failed"}.get(effect.state, effect.state),
        since=effect.wanted_at,
        tries=effect.tries if effect.state == "claimed" or effect.error else 0,
        next_at=effect.next_at if effect.state == "wanted" and effect.error else None,
        error=effect.error,
    )


def _notice(detail: RunDetail, effects: Sequence[EffectCard], past: Past | None) -> Notice | None:
    card = detail.card
    actions = _tab_url(card.id, "actions")
    if detail.unconfirmed:
        count = count_words(detail.unconfirmed, "action")
        return Notice(
            "provisional",
            f"Nobody knows whether {count} happened",
            "The executor stopped between taking it and reporting back, so it was not tried again. "
            "Find out what became of it, then settle it.",
            _kept(detail),
            f"{actions}{_at(past, 'state=unconfirmed')}",
            "Settle it",
        )
    if card.state == "failed":
        return Notice(
            "failed",
            "The run failed",
            card.reason,
            _kept(detail) + " Start a new run when the cause is mended.",
        )
    if card.state == "paused" and card.is_fault:
        return Notice("failed", "The run paused because something failed", card.reason, _kept(detail))
    if card.state == "paused":
        return Notice("waiting", "The run is paused", card.reason, _kept(detail))
    if card.state == "cancelled":
        return Notice("neutral", "The run was cancelled", card.reason, _kept(detail))
    if card.held:
        return Notice(
            "waiting",
            f"{count_words(card.held, 'action')} {'waits' if card.held == 1 else 'wait'} for a person",
            "Nothing of it happens before it is signed off."
            if card.state == "waiting"
            else "Everything else goes on.",
            "",
            f"{actions}{_at(past, 'state=held')}",
            "See what waits",
        )
    failing = [effect for effect in effects if effect.error and effect.state != "dead"]
    if failing:
        return Notice("waiting", "Something outside failed and is tried again", failing[0].error)
    return None


def _kept(detail: RunDetail) -> str:
    """What is not lost, whatever happened."""
    card = detail.card
    passed = sum(stage.state == "passed" or stage.verdict.startswith("passed") for stage in detail.stages)
    parts = [f"{passed} of {count_words(len(detail.stages), 'stage')} passed"] if detail.stages else []
    if card.executed:
        parts.append(f"{count_words(card.executed, 'action')} executed")
    return f"Kept: {', '.join([*parts, ''])}and every event." if parts else "Kept: every event."


def _happened(detail: RunDetail) -> tuple[str, ...]:
    card = detail.card
    lines = []
    if card.executed:
        lines.append(f"{count_words(card.executed, 'action')} executed; that is not undone.")
    if detail.underway:
        lines.append(
            f"{count_words(detail.underway, 'action')} already taken by an executor; the outcome is still recorded."
        )
    if detail.unconfirmed:
        lines.append(
            f"{count_words(detail.unconfirmed, 'action')} with an unknown outcome; a person must still settle it."
        )
    return tuple(lines) or ("No action has been executed.",)


def _pause_sheet(detail: RunDetail) -> Sheet:
    stops = ["No new turn, check or action begins."]
    if detail.open_turns:
        stops.append("What is under way is finished and kept.")
    if detail.card.held:
        stops.append("What waits for a person keeps waiting, and can still be signed off.")
    return Sheet(tuple(stops), _happened(detail))


def _cancel_sheet(detail: RunDetail) -> Sheet:
    stops = ["The run ends. It cannot be resumed."]
    if detail.open_turns:
        stops.append("Answers that agents are still writing are not used.")
    if detail.card.held:
        stops.append(
            f"{count_words(detail.card.held, 'action')} waiting for a person: withdrawn from the inbox."
        )
    return Sheet(tuple(stops), _happened(detail))
