"""An administrator sets work up in a browser: an agent, a workflow over it, its assumptions, a run of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import steps
from tests.journeys.steps import SOON
from tests.static.axe import violations

pytestmark = pytest.mark.browser
ASSUMPTIONS = ("steps-known", "stages-validated", "validation-affordable", "latency-adds-up")


def fresh(word: str) -> str:
    """A name that no earlier journey has taken: what is published stays."""
    return f"{word}-{secrets.token_hex(3)}"


def new_agent(page: Page, name: str, slug: str, *, turns: str = "3") -> None:
    page.goto("/agents/")
    page.get_by_role("link", name=re.compile("New agent|Create the first")).click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Short name").fill(slug)
    page.get_by_label("Accountable person").select_option("admin")
    page.locator("[name=function]").select_option("invoice_settlement.intake")
    page.get_by_label("Turns in a stage").fill(turns)
    page.get_by_role("button", name="Review the change").click()
    page.get_by_label("What changed, and why").fill("The first one.")
    page.get_by_role("button", name="Publish the agent").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def answer(page: Page, question: str, holds: bool, reason: str) -> None:
    page.locator(f"[name=assume-{question}-holds][value={'yes' if holds else 'no'}]").check()
    page.locator(f"[name=assume-{question}-reason]").fill(reason)


def new_workflow(page: Page, name: str, slug: str, agent: str) -> None:
    """Fill the form of a workflow with one stage; nothing is sent yet."""
    page.goto("/workflows/new/")
    page.get_by_label("Name", exact=True).first.fill(name)
    page.get_by_label("Short name").fill(slug)
    page.get_by_label("Accountable person").select_option("admin")
    page.locator("[name=stage-0-name]").fill("read")
    page.locator("[name=stage-0-agent]").select_option(agent)
    page.locator("[name=stage-0-inputs]").fill("files = run.files\nparameters = run.parameters")
    page.locator("[name=input_schema]").fill(
        '{"type": "object", "required": ["files"], "properties": {"files": {"type": "array"},'
        ' "parameters": {"type": "object", "properties": {}}}}'
    )


def test_from_an_agent_to_a_run_of_a_workflow_of_ones_own(
    site: Any, page_of: Callable[..., Page], tmp_path: Path
) -> None:
    page = page_of("admin")
    agent, workflow = fresh("own-reader"), fresh("own-reading")
    new_agent(page, "Own reader", agent)
    expect(page.locator(".plain-words")).to_contain_text("Every tool is refused.")

    new_workflow(page, "Own reading", workflow, agent)
    page.get_by_role("button", name="Review the change").last.click()
    expect(page.get_by_role("alert").filter(has_text="Not all of it can be published yet")).to_be_visible()
    assert violations(page) == []
    for question in ASSUMPTIONS[:3]:
        answer(page, question, True, "It does here.")
    answer(page, ASSUMPTIONS[3], False, "It is a pilot; nobody waits for it.")
    page.get_by_role("button", name="Review the change").last.click()
    expect(page.locator("main")).to_contain_text("1 assumption of the pattern does not hold")
    assert violations(page) == []
    page.get_by_role("button", name="Publish the workflow").click()
    expect(page.get_by_role("alert").filter(has_text="Say what changed and why")).to_be_visible()
    page.get_by_label("What changed, and why").fill("A pilot.")
    page.get_by_role("button", name="Publish the workflow").click()
    expect(page.locator("#assumptions")).to_contain_text("It is a pilot; nobody waits for it.")
    expect(page.locator("main")).to_contain_text("although 1 of its assumptions does not hold")

    page.get_by_role("link", name="Start a run").click()
    page.locator("input[type=file]").set_input_files(steps.folder_of(tmp_path / "own", steps.RIGHT))
    page.get_by_label("Title").fill("The pilot")
    page.get_by_role("button", name="Start the run").click()
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f-]{36}/$"))
    expect(page.locator("#run-lede")).to_contain_text("succeeded", timeout=SOON)


def test_the_words_beside_the_form_follow_what_one_types(site: Any, page_of: Callable[..., Page]) -> None:
    page = page_of("admin")
    page.goto("/agents/treasurer/edit/")
    words = page.locator("#settings-words")
    expect(words).to_contain_text("payments.pay over 100,000.00 EUR for one")
    page.locator("[name=limit-0-per_action]").fill("2500.00")
    expect(words).to_contain_text("payments.pay over 2,500.00 EUR for one", timeout=SOON)
    expect(words).to_contain_text("Scope, limits, EUR (payments.pay), per action")
    page.get_by_label("Financial").uncheck()
    expect(words).to_contain_text("Names payments.pay, but not its category", timeout=SOON)
    expect(page.locator("[name=model]")).to_be_hidden()
    page.get_by_label("A language model").check()
    expect(page.locator("[name=model]")).to_be_visible()
    expect(words).to_contain_text("leaves for that model", timeout=SOON)


def test_two_administrators_edit_at_once_and_the_second_keeps_every_word(
    site: Any, page_of: Callable[..., Page]
) -> None:
    first, second = page_of("admin"), page_of("admin")
    shared = fresh("shared-reader")
    new_agent(first, "Shared reader", shared)
    for page, turns in ((first, "4"), (second, "7")):
        page.goto(f"/agents/{shared}/edit/")
        page.get_by_label("Turns in a stage").fill(turns)
        page.get_by_role("button", name="Review the change").click()
        page.get_by_label("What changed, and why").fill(f"{turns} turns.")
    first.get_by_role("button", name="Publish revision 2").click()
    expect(first.get_by_role("heading", name="Shared reader")).to_be_visible()
    second.get_by_role("button", name="Publish revision 2").click()
    expect(second.locator("main")).to_contain_text("admin published revision 2 while you were writing")
    expect(second.get_by_label("Turns in a stage")).to_have_value("7")
    second.get_by_role("button", name="Review the change").click()
    expect(second.locator(".diff")).to_contain_text("Budget, turns")
    second.get_by_label("What changed, and why").fill("7, after all.")
    second.get_by_role("button", name="Publish revision 3").click()
    second.get_by_role("link", name="Compare").click()
    expect(second.locator(".diff del")).to_have_text("4")
    expect(second.locator(".diff ins")).to_have_text("7")


def test_stages_are_arranged_without_any_script(site: Any, page_of: Callable[..., Page]) -> None:
    page = page_of("admin", java_script_enabled=False)
    page.goto("/workflows/new/")
    page.locator("[name=stage-0-name]").fill("first")
    page.get_by_role("button", name="Add a stage").click()
    page.locator("[name=stage-1-name]").fill("second")
    page.get_by_role("button", name="Earlier").click()
    expect(page.locator("[name=stage-0-name]")).to_have_value("second")
    page.get_by_role("button", name="Remove stage 1").click()
    expect(page.locator("[name=stage-0-name]")).to_have_value("first")
    expect(page.locator("[name=stage-1-name]")).to_have_count(0)


def test_the_browsers_own_back_shows_what_was_typed(site: Any, page_of: Callable[..., Page]) -> None:
    page = page_of("admin")
    page.goto("/agents/treasurer/edit/")
    page.get_by_label("Seconds for one turn").fill("77")
    page.get_by_role("button", name="Review the change").click()
    expect(page.get_by_role("heading", name="Review before publishing")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Seconds for one turn")).to_have_value("77")


def test_a_wrong_field_brings_the_keyboard_to_what_is_said_of_it(
    site: Any, page_of: Callable[..., Page]
) -> None:
    page = page_of("admin")
    page.goto("/workflows/invoice_settlement/edit/#stages")
    page.locator("[name=rework_cap]").fill("99")
    page.get_by_role("button", name="Review the change").last.click()
    told = page.get_by_role("alert").filter(has_text="Not all of it can be published yet")
    expect(told).to_be_focused()
    expect(told).to_be_in_viewport()
