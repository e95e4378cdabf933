"""A page and a stage to try the pages' parts on. Pages that break their own security policy fail the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.static.stage import Stage


@pytest.fixture(autouse=True)
def _only_the_frame(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.static.urls"


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(
        viewport={"width": 1440, "height": 900}, reduced_motion="reduce", timezone_id="UTC", locale="en-GB"
    )
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on(
        "console", lambda line: broken.append(line.text) if "Content Security Policy" in line.text else None
    )
    yield page
    context.close()
    assert broken == []


@pytest.fixture(scope="session")
def shots() -> Path | None:
    """The folder for screenshots, when one is asked for by COUNTERSIGN_SHOTS."""
    folder = os.environ.get("COUNTERSIGN_SHOTS")
    if not folder:
        return None
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path
