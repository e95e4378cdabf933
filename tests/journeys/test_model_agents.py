"""Model agents in the whole product: real workers, a model server on a real socket, people at their pages."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.examples import chain
from tests.fakes.chat_completions import Answer, Call, ChatCompletions, failure, final
from tests.fixtures.model_sites import KEY, MODEL, ModelSite
from tests.fixtures.own_sites import FILES, TABLES
from tests.fixtures.sites import PASSWORD

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module", autouse=True)
def _workflows(model_site: ModelSite) -> None:
    model_site.install(
        **model_site.model("writer"), **model_site.model("killed"), **model_site.model("pausing")
    )


@pytest.fixture
def server(model_site: ModelSite) -> ChatCompletions:
    """The model's server, with nothing scripted and nothing asked."""
    model_site.server.answers.clear()
    model_site.server.asked.clear()
    return model_site.server


def able(folder: Path) -> Any:
    """A model that does the invoice work right: what each stage should say is what the code agents say."""
    files = chain.folder(folder)
    worked = chain.run(files)
    (payment,) = worked.actions

    def answer(body: dict[str, Any]) -> Answer:
        messages = body["messages"]
        stage = re.search(r"You work on the stage '(\w+)'", str(messages[0]["content"]))[1]  # type: ignore[index]
        is_first = all(message["role"] != "tool" for message in messages)
        if stage == "intake" and is_first:
            digests = [entry["digest"] for entry in worked.inputs["intake"]["files"]]
            return Answer(
                calls=tuple(Call("files_read", {"digest": d}, f"read{n}") for n, d in enumerate(digests))
            )
        if stage == "treasurer" and is_first:
            return Answer(
                text="The invoice matched.", calls=(Call("payments_pay", payment.arguments, "pay1"),)
            )
        assertions = msgspec.to_builtins(worked.replies[stage].assertions)
        return dataclasses.replace(final(worked.outputs[stage], assertions=assertions), piece=4000)

    return answer


def test_models_settle_an_invoice_that_a_person_signs_off_and_no_key_is_kept_anywhere(
    model_site: ModelSite, server: ChatCompletions, tmp_path: Path
) -> None:
    for name in (*TABLES, "acme_RE-2026-1184.xml"):
        shutil.copy(FILES / name, tmp_path)
    server.otherwise = able(tmp_path)
    said = model_site.manage("start_run", "invoice_settlement_model", "--input", str(tmp_path), "--json")
    run = msgspec.json.decode(said.stdout.strip().splitlines()[-1])["run"]

    request = model_site.held(run)
    assert model_site.files() == []
    assert model_site.person("reviewer").sign_off(request)[0] == 200
    model_site.until(lambda: model_site.run_state(run) == "succeeded")

    assert len(model_site.files()) == 1
    assert "82000.00" in model_site.files()[0].read_text()
    reads = [asked for asked in server.asked if "SUP-" in str(asked.body) or "<Invoice" in str(asked.body)]
    assert reads, "what files.read found was told to the model"
    turns = model_site.rows("SELECT model, input_tokens, cost FROM orchestrator_turn WHERE run_id=%s", run)
    assert set(turns) == {(MODEL, 11, None)}
    assert len(turns) == len(server.asked) == 6
    assert "unknown" in model_site.person("operator").get(f"/runs/{run}/")

    assert all(asked.headers["authorization"] == f"Bearer {KEY}" for asked in server.asked)
    assert [place for place, text in model_site.everything() if KEY in text] == []


def test_a_worker_killed_while_its_model_answers_is_followed_by_one_that_asks_again(
    model_site: ModelSite, server: ChatCompletions
) -> None:
    server.say(Answer(text="word " * 2000, pause=0.05), final("done"))
    (run,) = model_site.start_runs("killed")
    model_site.until(lambda: server.asked)
    model_site.kill("worker-runs")

    assert server.asked[0].was_left.wait(20)
    model_site.until(lambda: model_site.run_state(run) == "succeeded")
    assert model_site.count(run, "turn.completed") == 1
    assert len(server.asked) == 2


def test_the_page_says_when_a_model_that_wants_a_pause_is_asked_again(
    model_site: ModelSite, server: ChatCompletions
) -> None:
    server.say(failure(429, "slow down", retry_after="2"), final("done"))
    (run,) = model_site.start_runs("pausing")
    model_site.until(
        lambda: model_site.rows("SELECT 1 FROM orchestrator_effect WHERE stream_id=%s AND error<>''", run)
    )
    page = model_site.person("operator").get(f"/runs/{run}/")

    assert "next try" in page
    assert "is asked too often" in page
    model_site.until(lambda: model_site.run_state(run) == "succeeded")
    assert len(server.asked) == 2


@pytest.fixture
def operator(model_site: ModelSite, browser: Browser) -> Iterator[Page]:
    """An operator at a browser, signed in."""
    context = browser.new_context(base_url=model_site.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto("/account/login/")
    page.locator("input[name=login]").fill("operator")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"{model_site.url}/")
    yield page
    context.close()


def test_what_a_model_writes_is_seen_while_it_writes_as_text_and_is_gone_when_it_is_done(
    model_site: ModelSite, server: ChatCompletions, operator: Page
) -> None:
    text = "I read <img src=x onerror=alert(1)> first. " + "Then the next line. " * 60
    server.say(dataclasses.replace(final("done"), text=text, pause=0.05))
    problems: list[str] = []
    operator.on("pageerror", lambda error: problems.append(str(error)))
    operator.on("dialog", lambda dialog: problems.append(dialog.message))
    (run,) = model_site.start_runs("writer")
    operator.goto(f"/runs/{run}/")

    writing = operator.locator("[data-live-text]")
    expect(writing).to_contain_text("Then the next line.", timeout=20_000)
    before = len(writing.text_content() or "")
    assert before < len(text)
    operator.wait_for_function(
        "size => document.querySelector('[data-live-text]').textContent.length > size", arg=before
    )
    assert writing.locator("img").count() == 0
    assert model_site.count(run, "turn.completed") == 0
    assert (
        model_site.rows(
            "SELECT 1 FROM orchestrator_event WHERE stream_id=%s AND payload::text LIKE %s", run, "%Then%"
        )
        == []
    )

    expect(operator.locator("[data-live-text]")).to_have_count(0, timeout=30_000)
    model_site.until(lambda: model_site.run_state(run) == "succeeded")
    assert problems == []
