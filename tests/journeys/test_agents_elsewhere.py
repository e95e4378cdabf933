"""Agents that work elsewhere, over real HTTP: one waits by long poll, one by MCP, and both go on when a person signs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestrator.services import catalogue
from tests import callers
from tests.fixtures.sites import Site

pytestmark = pytest.mark.processes
HOWTO = Path(__file__).parents[2] / "docs/howto/connect-another-framework.md"


class Caller:
    """A program with a token, calling a real server."""

    def __init__(self, site: Site, secret: str) -> None:
        self.site, self.secret = site, secret

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self.site.url}api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def held_payment(self) -> tuple[str, str]:
        """A run and its action that waits for people."""
        run = self.send("POST", "/runs", {"title": "Over the wire"})[1]["id"]
        status, action = self.send(
            "POST", f"/runs/{run}/actions", {"tool": "door.pay", "arguments": callers.PAYMENT}
        )
        assert status == 201, action
        address = f"/runs/{run}/actions/{action['action']}"
        self.site.wait_for(lambda: self.send("GET", address)[1]["state"] == "held")
        return run, action["action"]


class Elsewhere:
    """A courier's program, a second agent's, and people who sign off."""

    def __init__(self, site: Site) -> None:
        self.site = site
        secrets = site.database(self._prepare)
        self.courier, self.rival = (Caller(site, secret) for secret in secrets[:2])
        self.people = [Caller(site, secret) for secret in secrets[2:]]

    def _prepare(self) -> list[str]:
        from config.models import User

        admin = User.objects.get(username="admin")
        secrets = []
        for slug in ("courier", "rival"):
            with contextlib.suppress(catalogue.NothingChanged):
                callers.publish_agent(slug, owner="admin")
            secrets.append(callers.agent_token(slug, by=admin, per_minute=2000).secret)
        reviewers = User.objects.filter(groups__name="reviewer", is_active=True).order_by("username")
        return secrets + [callers.person_token(person).secret for person in reviewers]

    def approve(self, run: str) -> None:
        """As many people as it takes."""
        for person in self.people:
            waiting = [
                request
                for request in person.send("GET", "/approval-requests?status=pending")[1]["requests"]
                if request["run"] == run
            ]
            for request in waiting:
                person.send(
                    "POST",
                    f"/approval-requests/{request['id']}/sign-offs",
                    {
                        "verb": "approve",
                        "seen_digest": request["digest"],
                        "seen_version": request["version"],
                    },
                )


@pytest.fixture(scope="module")
def elsewhere(site: Site) -> Elsewhere:
    return Elsewhere(site)


def test_a_long_poll_ends_when_people_have_signed(elsewhere: Elsewhere) -> None:
    run, action = elsewhere.courier.held_payment()
    with ThreadPoolExecutor(1) as apart:
        waiting = apart.submit(elsewhere.courier.send, "GET", f"/runs/{run}/actions/{action}?wait=25")
        time.sleep(0.5)
        assert not waiting.done()
        elsewhere.approve(run)
        signed = time.monotonic()
        status, found = waiting.result(timeout=10)
        waited = time.monotonic() - signed
    assert (status, found["state"]) == (200, "released")
    assert waited < 3
    status, claim = elsewhere.courier.send(
        "POST", f"/runs/{run}/actions/{action}/claim", {"digest": found["digest"]}
    )
    assert (status, claim["arguments"]) == (200, callers.PAYMENT)


def test_long_polls_hold_no_session_of_the_database(elsewhere: Elsewhere) -> None:
    """More of them than the web process may have sessions (12), and other calls are answered at once."""
    run, action = elsewhere.courier.held_payment()
    address = f"/runs/{run}/actions/{action}"
    with ThreadPoolExecutor(30) as apart:
        waiting = [apart.submit(elsewhere.courier.send, "GET", f"{address}?wait=4") for _ in range(30)]
        time.sleep(2)
        asked = time.monotonic()
        assert elsewhere.courier.send("GET", address)[1]["state"] == "held"
        assert time.monotonic() - asked < 1.5
        answers = [one.result(timeout=30) for one in waiting]
    assert {(status, found["state"]) for status, found in answers} == {(200, "held")}


def test_who_waits_is_answered_when_the_server_is_restarted(elsewhere: Elsewhere) -> None:
    """A restart neither waits for them nor leaves them without an answer, and who asks again waits on."""
    run, action = elsewhere.courier.held_payment()
    address = f"/runs/{run}/actions/{action}?wait=30"
    before = elsewhere.site.pid("web")
    with ThreadPoolExecutor(5) as apart:
        waiting = [apart.submit(elsewhere.courier.send, "GET", address) for _ in range(5)]
        time.sleep(1)
        asked = time.monotonic()
        os.kill(before, signal.SIGTERM)
        answers = [one.result(timeout=30) for one in waiting]
        answered = time.monotonic() - asked
        elsewhere.site.wait_for(
            lambda: elsewhere.site.pid("web") != before and elsewhere.courier.send("GET", "/runs")[0] == 200
        )
        again = apart.submit(elsewhere.courier.send, "GET", address)
        time.sleep(0.5)
        elsewhere.approve(run)
        assert again.result(timeout=20)[1]["state"] == "released"
    assert {(status, found["state"]) for status, found in answers} == {(200, "held")}
    assert answered < 5


def test_a_poll_waits_half_a_minute_at_most(elsewhere: Elsewhere) -> None:
    run, action = elsewhere.courier.held_payment()
    status, found = elsewhere.courier.send("GET", f"/runs/{run}/actions/{action}?wait=31")
    assert (status, found["code"]) == (422, "invalid")


def test_the_written_example_works(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gated call of docs/howto/connect-another-framework.md, as it stands there."""
    monkeypatch.setenv("COUNTERSIGN_URL", elsewhere.site.url.rstrip("/"))
    monkeypatch.setenv("COUNTERSIGN_TOKEN", elsewhere.courier.secret)
    written = HOWTO.read_text().partition("```python\n")[2].partition("```")[0]
    known: dict[str, Any] = {}
    exec(compile(written, str(HOWTO), "exec"), known)
    run = elsewhere.courier.send("POST", "/runs", {})[1]["id"]
    done: list[dict[str, str]] = []

    def pay(**arguments: str) -> dict[str, str]:
        done.append(arguments)
        return {"paid": arguments["amount"]}

    with ThreadPoolExecutor(1) as apart:
        result = apart.submit(known["gated"], run, "door.pay", callers.PAYMENT, pay)
        address = f"/runs/{run}/actions/a1"
        elsewhere.site.wait_for(lambda: elsewhere.courier.send("GET", address)[1]["state"] == "held")
        assert done == []
        elsewhere.approve(run)
        assert result.result(timeout=20) == {"paid": "82000.00"}
    assert done == [callers.PAYMENT]
    assert elsewhere.courier.send("GET", address)[1]["state"] == "executed"


def with_mcp(caller: Caller, do: Callable[[Any], Awaitable[Any]], *, headers: Any = None) -> Any:
    """What a real MCP client does, on an event loop of its own."""
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def run() -> Any:
        shown = {"Authorization": f"Bearer {caller.secret}", **(headers or {})}
        async with httpx2.AsyncClient(headers=shown, timeout=60) as http:
            transport = streamable_http_client(f"{caller.site.url}mcp", http_client=http)
            async with Client(transport) as client:
                return await do(client)

    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, run()).result(timeout=90)


async def call(client: Any, name: str, /, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result
    found: dict[str, Any] = result.structured_content
    return found


def test_an_agent_that_speaks_mcp_waits_and_goes_on(elsewhere: Elsewhere) -> None:
    async def story(client: Any) -> dict[str, Any]:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {
            "request_approval",
            "check_approval",
            "claim_action",
            "report_result",
            "assert_belief",
            "make_commitment",
            "settle_commitment",
            "finish_run",
        } == tools
        asked = await call(
            client, "request_approval", tool="door.pay", arguments=callers.PAYMENT, reason="It is due."
        )
        assert asked["ok"], asked
        at = {"run": asked["run"], "action": asked["action"]}
        while (now := await call(client, "check_approval", **at))["state"] == "proposed":
            await asyncio.sleep(0.1)
        assert now["state"] == "held"
        early = await call(client, "claim_action", digest=now["digest"], **at)
        assert (early["ok"], early["code"]) == (False, "wrong_step")
        loop = asyncio.get_running_loop()
        signing = loop.run_in_executor(None, lambda: (time.sleep(0.5), elsewhere.approve(asked["run"])))
        now = await call(client, "check_approval", wait_seconds=25, **at)
        await signing
        assert now["state"] == "released", now
        other = await call(client, "claim_action", digest="0" * 64, **at)
        assert (other["ok"], other["code"]) == (False, "changed")
        claim = await call(client, "claim_action", digest=now["digest"], **at)
        assert claim["arguments"] == callers.PAYMENT
        done = await call(client, "report_result", outcome="executed", result={"paid": "yes"}, **at)
        assert done["state"] == "executed"
        again = await call(client, "check_approval", **at)
        assert (again["result"], again["result_left_out"]) == ({"paid": "yes"}, "")
        stated = await call(
            client,
            "assert_belief",
            run=asked["run"],
            assertion={"subject": "invoice 7", "predicate": "is paid", "evidence": [{"source": "bank.csv"}]},
        )
        assert stated["seq"] > 0
        promised = await call(
            client, "make_commitment", run=asked["run"], creditor="treasurer", consequent="sends the receipt"
        )
        assert (promised["ok"], promised["state"]) == (True, "created")
        late = await call(
            client, "make_commitment", run=asked["run"], creditor="a", consequent="b", due="Friday"
        )
        assert (late["ok"], late["code"]) == (False, "invalid")
        kept = {"run": asked["run"], "commitment": promised["commitment"], "outcome": "discharged"}
        sent = await call(client, "settle_commitment", text="Sent.", **kept)
        assert (sent["ok"], sent["state"]) == (True, "discharged")
        twice = await call(client, "settle_commitment", **kept)
        assert (twice["ok"], twice["code"]) == (False, "commitment_is_settled")
        assert (await call(client, "finish_run", run=asked["run"]))["ok"]
        return asked

    asked = with_mcp(elsewhere.courier, story)
    assert elsewhere.courier.send("GET", f"/runs/{asked['run']}")[1]["state"] == "succeeded"


def test_a_flood_by_mcp_leaves_no_empty_runs_and_asks_people_once(elsewhere: Elsewhere) -> None:
    flooding = Caller(elsewhere.site, elsewhere.site.database(slow_token))
    title = f"A flood at {time.time_ns()}"

    async def story(client: Any) -> list[dict[str, Any]]:
        small = {
            "tool": "door.pay",
            "arguments": {**callers.PAYMENT, "amount": "5.00"},
            "title": title,
        }
        return [await call(client, "request_approval", **small) for _ in range(9)]

    asked = with_mcp(flooding, story)
    assert [(one["ok"], one["code"]) for one in asked] == [(True, "")] * 8 + [(False, "too_often")]
    assert {one["run"] for one in asked[2:8]} == {asked[0]["run"]}
    assert all(one["coalesced"] for one in asked[2:8])
    runs = [run for run in flooding.send("GET", "/runs")[1]["runs"] if run["title"] == title]
    assert [run["actions"] for run in runs] == [1, 1]


def slow_token() -> str:
    """The secret of an agent of its own that may propose eight times in a minute."""
    from config.models import User

    with contextlib.suppress(catalogue.NothingChanged):
        callers.publish_agent("flooder", owner="admin")
    callers.within_a_minute(5)
    return callers.agent_token("flooder", by=User.objects.get(username="admin"), per_minute=8).secret


def test_mcp_shows_an_agent_only_its_own(elsewhere: Elsewhere) -> None:
    run, action = elsewhere.courier.held_payment()

    async def story(client: Any) -> dict[str, Any]:
        return await call(client, "check_approval", run=run, action=action)

    found = with_mcp(elsewhere.rival, story)
    assert (found["ok"], found["code"], found["state"]) == (False, "not_found", "")


@pytest.mark.parametrize("why", ["forged", "of a person", "from another site"])
def test_mcp_lets_in_nobody_else(elsewhere: Elsewhere, why: str) -> None:
    caller = elsewhere.people[0] if why == "of a person" else elsewhere.courier
    secret = "cs_forged" if why == "forged" else caller.secret
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    if why == "from another site":
        headers["Origin"] = "https://elsewhere.example"
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    request = urllib.request.Request(
        f"{elsewhere.site.url}mcp", data=json.dumps(body).encode(), headers=headers, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    refused.value.close()
    assert refused.value.code == (401 if why == "forged" else 403)
