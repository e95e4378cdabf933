"""What the journeys of people who watch runs share: runs that real workers drive, and where pictures go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import Page, expect

from tests.fixtures.sites import Site
from tests.monitoring import runs
from tests.static import axe

SHOTS = Path(os.environ.get("COUNTERSIGN_SHOTS") or settings.BASE_DIR / "var" / "shots")


def started(site: Site, **given: Any) -> str:
    """A run of the watched workflow; the site's workers take it."""
    return site.database(lambda: runs.start(**given))


def until_state(site: Site, run: str, *states: str) -> str:
    """Wait until the run's row shows one of these states."""

    def ask() -> str:
        from orchestrator.queries.runs import run_card

        shown = run_card(run).state
        return shown if shown in states else ""

    found: str = site.wait_for(lambda: site.database(ask))
    return found


def look(page: Page, name: str) -> list[str]:
    """A picture of the page as it stands; what axe finds, and whether it is wider than the window."""
    if "at=" not in page.url:  # what is past is not live
        expect(page.locator("[data-live-line]")).to_have_attribute("data-live", "live")
    width = page.viewport_size["width"] if page.viewport_size else 0
    theme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}-{width}-{theme}.png")
    found = [f"{name}: {violation}" for violation in axe.violations(page)]
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
        found.append(f"{name}: {wide} px wide in a window of {width}")
    return found
