"""Follows a run from a shell: a progress display for people, JSON lines for programs.

It reads the log past its cursor and asks nothing of the run; ending it leaves the run as it is.
"""

from __future__ import annotations

import json
import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orchestrator.domain.wording import money
from orchestrator.queries.progress import Progress, progress_of
from orchestrator.services import journal

POLL_SECONDS = 0.4
QUIET_SECONDS = 15.0
SHOWN = 12
STYLES = {
    "running": "blue", "open": "blue", "waiting": "yellow", "held": "yellow", "paused": "yellow", "passed": "green",
    "succeeded": "green", "failed": "red", "cancelled": "dim", "unconfirmed": "magenta",
}  # fmt: skip


def exit_code(progress: Progress) -> int:
    """0 succeeded, 3 waits for a person, 4 paused with a fault, 5 failed or cancelled."""
    if progress.state == "paused":
        return 4 if progress.is_fault else 3
    return {"succeeded": 0, "waiting": 3}.get(progress.state, 5)


class Follower:
    """One run on one terminal."""

    def __init__(self, run: str, *, base: str, out: Any, as_json: bool) -> None:
        self.run, self.base, self.as_json = run, base, as_json
        self._out = out
        self._cursor = 0
        self._events: list[str] = []
        self._moved = time.monotonic()
        self._console = Console(file=out, highlight=False)
        # Into a file or a pipe go plain lines, each once.
        self._is_terminal = self._console.is_terminal and not as_json
        self._live = Live(console=self._console, auto_refresh=False, transient=False)

    def __enter__(self) -> Follower:
        if self._is_terminal:
            self._live.start()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._is_terminal:
            self._live.stop()

    def follow(self) -> Progress:
        """Show until the run has ended or waits for people; returns where it stands."""
        while True:
            progress = progress_of(self.run)
            self._read(progress.head)
            if self.as_json:
                if progress.is_still:
                    self._line(state=progress.state, **_facts(progress, self._url()))
            elif self._is_terminal:
                self._live.update(self._display(progress), refresh=True)
            elif progress.is_still:
                self._out.write(self._ending(progress))
            if progress.is_still:
                return progress
            time.sleep(POLL_SECONDS)

    def _read(self, head: int) -> None:
        while self._cursor < head:
            facts = journal.facts(self.run, self._cursor)
            if not facts:
                return
            for seq, name, payload, actor, at in facts:
                self._cursor = seq
                if self.as_json:
                    self._line(seq=seq, type=name, at=at.isoformat(), actor=actor, **_subject(payload))
                    continue
                line = f"{at:%H:%M:%S}  {name:<20} {_words(payload)}"
                self._events.append(line)
                if not self._is_terminal:
                    self._out.write(line)
            self._moved = time.monotonic()

    def _line(self, **fields: Any) -> None:
        self._out.write(json.dumps(fields, ensure_ascii=False))
        self._out.flush()

    def _url(self) -> str:
        return f"{self.base}/runs/{self.run}/"

    def _display(self, progress: Progress) -> Group:
        head = Text.assemble(
            (progress.title, "bold"),
            "  ",
            (progress.state, STYLES.get(progress.state, "")),
            f"\n{self._url()}\n",
        )
        stages = Table.grid(padding=(0, 2))
        for name, state in progress.stages:
            stages.add_row(Text(f"  {name}"), Text(state, style=STYLES.get(state, "dim")))
        parts: list[Any] = [head, stages, Text("")]
        shown = self._events[-SHOWN:]
        left = len(self._events) - len(shown)
        if left:
            parts.append(Text(f"  ({left} earlier event{'' if left == 1 else 's'})", style="dim"))
        parts += [Text(f"  {line}", style="dim", overflow="ellipsis", no_wrap=True) for line in shown]
        parts.append(Text(f"\n{self._ending(progress)}"))
        return Group(*parts)

    def _ending(self, progress: Progress) -> str:
        if progress.waiting:
            number = len(progress.waiting)
            what = progress.waits_for or f"{number} action{'' if number == 1 else 's'}"
            lines = [f"Waits for a person: {what}"]
            lines += [
                f"  {action.tool}  {_sum(action)}  {action.target}  ({action.state})"
                for action in progress.waiting
            ]
            lines.append(f"Decide at {self.base}/inbox/")
            return "\n".join(lines)
        if progress.state == "paused":
            return f"Paused: {progress.reason}\nResume or cancel it at {self._url()}"
        if progress.is_over:
            done = f"{progress.executed} executed, {progress.refused} refused, {progress.failed} failed"
            return f"{progress.state.capitalize()}: {done}. {progress.reason}".strip()
        if time.monotonic() - self._moved > QUIET_SECONDS:
            return "Nothing has moved for a while. Is a worker running? `make run` starts one. Ctrl-C ends only this view."
        return "Working. Ctrl-C ends only this view."


def _facts(progress: Progress, url: str) -> dict[str, Any]:
    return {
        "run": progress.run,
        "url": url,
        "waits_for": progress.waits_for,
        "reason": progress.reason,
        "is_fault": progress.is_fault,
        "stages": dict(progress.stages),
        "waiting": [
            {"action": one.action, "tool": one.tool, "state": one.state, "target": one.target,
             "amount": one.amount, "currency": one.currency, "request": one.request}
            for one in progress.waiting
        ],
        "executed": progress.executed,
        "refused": progress.refused,
        "failed": progress.failed,
    }  # fmt: skip


def _subject(payload: dict[str, Any]) -> dict[str, Any]:
    names = ("stage", "turn", "action", "agent", "tool", "reason", "text", "explanation")
    return {name: payload[name] for name in names if payload.get(name)}


def _words(payload: dict[str, Any]) -> str:
    """One line about an event; line breaks and control characters of an agent cannot reach the terminal."""
    said = " ".join(
        str(payload[name]) for name in ("stage", "action", "tool", "reason", "text") if payload.get(name)
    )
    return "".join(character if character.isprintable() else " " for character in said)[:160]


def _sum(action: Any) -> str:
    return money(action.amount, action.currency) if action.amount else ""
