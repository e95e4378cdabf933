"""Each page of runs as people see it: normal, empty, full and hostile, with axe over each and a picture kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from tests.fixtures.sites import Site
from tests.journeys.watching import look, started, until_state
from tests.monitoring import runs

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LOOKS = [(WIDE, "light"), (PHONE, "dark"), (WIDE, "dark"), (PHONE, "light")]


@dataclass(frozen=True)
class Made:
    """Runs in different states: one that waits, one that ended, one that a fault stopped, a long and a hostile one."""

    held: str
    done: str
    fault: str
    long: str
    hostile: str


@pytest.fixture(scope="module")
def made(site: Site) -> Made:
    found = Made(
        held=started(
            site, title="Invoices of November", payments=[runs.payment(), runs.payment("Müller KG", "12.50")]
        ),
        done=started(site, title="Statement of October"),
        fault=started(site, title="Ledger check", say="raise"),
        long=site.database(lambda: runs.long_run(10_000)),
        hostile=started(
            site,
            title=runs.HOSTILE,
            say=f"{runs.HOSTILE} {'long ' * 2000}",
            payments=[runs.payment(runs.HOSTILE, "1.00")],
            files=[{"name": runs.HOSTILE, "digest": "0" * 64, "size": 1, "media_type": "text/xml"}],
        ),
    )
    until_state(site, found.held, "waiting")
    until_state(site, found.done, "succeeded")
    until_state(site, found.fault, "paused")
    until_state(site, found.hostile, "waiting")
    return found


PAGES = {
    "overview": "/",
    "runs": "/runs/",
    "runs-nothing": "/runs/?q=no+run+is+called+this",
    "run": "/runs/{held}/",
    "run-actions": "/runs/{held}/actions/",
    "run-outputs": "/runs/{done}/outputs/",
    "run-cost": "/runs/{done}/cost/",
    "run-events": "/runs/{done}/log/",
    "run-files-empty": "/runs/{done}/files/",
    "run-fault": "/runs/{fault}/",
    "run-lanes": "/runs/{held}/?trace=lanes",
    "run-past": "/runs/{held}/?at=7",
    "run-past-lanes": "/runs/{held}/?at=7&trace=lanes",
    "run-past-actions": "/runs/{held}/actions/?at=9",
    "run-full": "/runs/{long}/",
    "run-full-lanes": "/runs/{long}/?trace=lanes",
    "run-full-past": "/runs/{long}/?at=6000",
    "run-full-cost": "/runs/{long}/cost/",
    "run-drawer": "/runs/{held}/?event=8",
    "event": "/runs/{held}/events/3/",
    "hostile": "/runs/{hostile}/",
    "hostile-lanes": "/runs/{hostile}/?trace=lanes",
    "hostile-past": "/runs/{hostile}/?at=8",
    "hostile-actions": "/runs/{hostile}/actions/",
    "hostile-outputs": "/runs/{hostile}/outputs/",
    "hostile-files": "/runs/{hostile}/files/",
    "hostile-drawer": "/runs/{hostile}/?event=3",
}


@pytest.mark.parametrize("turn", range(len(LOOKS)))
def test_every_page_of_runs_is_readable_by_everybody(
    page_of: Callable[..., Page], made: Made, turn: int
) -> None:
    """Each page in one of the looks by turns, and in every look when pictures are taken."""
    size, theme = LOOKS[turn]
    page = page_of("operator", viewport=size, color_scheme=theme, reduced_motion="reduce", timezone_id="UTC")
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda line: broken.append(line.text) if line.type == "error" else None)
    page.on("dialog", lambda dialog: broken.append(f"dialog {dialog.message}"))
    every = list(PAGES.items())
    for name, address in every if os.environ.get("COUNTERSIGN_SHOTS") else every[turn :: len(LOOKS)]:
        page.goto(address.format(**vars(made)))
        if "event=" in address:
            page.locator("#drawer h2").first.wait_for()
        broken += look(page, name)
    assert broken == []
