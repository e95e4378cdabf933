"""What goes wrong between us and a model's server: the retry each failure deserves, and no key anywhere."""

from __future__ import annotations

import logging
import traceback

import pytest

from orchestrator.adapters import model_keys
from orchestrator.adapters.model_agent import ModelAgentRunner
from orchestrator.domain import errors
from orchestrator.domain.specs import Budget
from tests.fakes.chat_completions import HANG, Answer, failure, final, junk

invoke = ModelAgentRunner().invoke
KEY = "sk-test-0123456789abcdef"
SHORT = Budget(total_seconds=20, idle_seconds=0.5)


def failed(request) -> errors.PortFailure:
    with pytest.raises(errors.PortFailure) as raised:
        invoke(request)
    return raised.value


FAILURES = {
    "asked too often": (failure(429, "slow down", retry_after="7"), "transient", "wants a pause"),
    "no budget left": (failure(429, "you are out", code="insufficient_quota"), "budget", "no budget left"),
    "a wrong key": (failure(401, "bad key"), "permanent", "COUNTERSIGN_MODEL_KEY_ADDER"),
    "a forbidden model": (failure(403, "not yours"), "permanent", "COUNTERSIGN_MODEL_KEY_ADDER"),
    "an unknown model": (failure(404, "no such model"), "permanent", "model reference and its base URL"),
    "a refused request": (failure(400, "tools are not supported"), "permanent", "tools are not supported"),
    "a server error": (failure(500, "oops"), "transient", "failed for now"),
    "an overloaded server": (failure(503, "busy"), "transient", "failed for now"),
    "a cut connection": (Answer(text="half a wo", then="cut"), "transient", "broke off"),
    "junk instead of JSON": (junk(), "transient", "asked again"),
    "junk in the stream": (junk(b"data: {nonsense\n\n", "text/event-stream"), "transient", "cannot be read"),
    "a page of the gateway": (junk(b"<html>", "text/html"), "transient", "asked again"),
}


@pytest.mark.parametrize(("answer", "retry", "words"), FAILURES.values(), ids=FAILURES)
def test_each_failure_has_its_class_of_retry_and_says_what_to_do(server, turns, answer, retry, words):
    server.say(answer)
    failure = failed(turns.model(server))
    assert (failure.retry, words in failure.message) == (retry, True), failure.message
    assert len(server.asked) == 1, "nothing is tried again behind our back"


def test_the_wait_that_the_server_asks_for_is_kept(server, turns):
    server.say(failure(429, "slow down", retry_after="7"))
    assert failed(turns.model(server)).retry_after == 7


def test_a_silent_server_ends_at_the_idle_limit(server, turns, eventually):
    server.say(HANG)
    failure = failed(turns.model(server, budget=SHORT))
    assert failure.retry == "transient"
    assert "in time" in failure.message
    eventually(server.asked[0].was_left.is_set)


def test_a_stalled_answer_ends_at_the_idle_limit(server, turns):
    server.say(Answer(text="and then", then="stall"))
    failure = failed(turns.model(server, budget=SHORT))
    assert failure.retry == "transient"
    assert "".join(turns.shown) == "and then"


def test_an_answer_that_trickles_ends_at_the_total_limit(server, turns):
    server.say(Answer(text="word " * 200, piece=5, pause=0.1))
    failure = failed(turns.model(server, budget=Budget(total_seconds=0.6, idle_seconds=10)))
    assert failure.retry == "transient"
    assert "in time" in failure.message


def test_a_server_that_is_not_there_is_tried_again(server, turns):
    gone = "http://127.0.0.1:9/v1"
    failure = failed(turns.model(gone))
    assert failure.retry == "transient"
    assert gone in failure.message


def test_a_private_address_is_refused_unless_it_is_listed(server, turns, settings):
    settings.COUNTERSIGN_OUTGOING_ALLOW = []
    failure = failed(turns.model(server))
    assert failure.retry == "permanent"
    assert "OUTGOING_ALLOW" in failure.message
    assert not server.asked


def test_a_redirect_is_not_followed(server, turns):
    server.say(
        Answer(status=307, body=b"", headers=(("Location", "http://127.0.0.2:9/v1/chat/completions"),))
    )
    failure = failed(turns.model(server))
    assert failure.retry == "permanent"
    assert "redirects are not followed" in failure.message


@pytest.mark.parametrize("reference", ["nonsense", "nonsense:model", "openai:gpt-5"], ids=str)
def test_a_model_that_cannot_be_used_says_why_at_once(turns, reference, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    failure = failed(turns.model("", reference=reference))
    assert failure.retry == "permanent"
    assert reference in failure.message


def test_the_agents_own_key_is_sent(server, turns, monkeypatch):
    server.key = KEY
    monkeypatch.setenv("COUNTERSIGN_MODEL_KEY_ADDER", KEY)
    server.say(final({"total": "1"}))
    assert invoke(turns.model(server)).output == {"total": "1"}


def test_a_server_of_somebodys_choosing_never_gets_the_openai_key(server, turns, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    server.say(final({"total": "1"}), final({"total": "1"}))
    invoke(turns.model(server))
    assert KEY not in str(server.asked[0].headers)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    invoke(turns.model(server))
    assert server.asked[1].headers["authorization"] == f"Bearer {KEY}"


ECHOES = {
    "in a refusal": failure(401, f"Incorrect API key provided: {KEY}"),
    "in a bad request": failure(400, f"header Authorization: Bearer {KEY} and {KEY}"),
    "in an error of the server": failure(500, f"trace: key={KEY}"),
    "in a header": Answer(status=500, body=b"{}", headers=(("X-Echo", KEY),)),
    "in junk": junk(f"data: {{{KEY}\n\n".encode(), "text/event-stream"),
    "in an unknown field": junk(f'{{"key": "{KEY}"}}'.encode()),
}


@pytest.mark.parametrize("answer", ECHOES.values(), ids=ECHOES)
def test_a_key_that_the_server_echoes_reaches_no_log_and_no_message(
    server, turns, monkeypatch, caplog, capfd, answer
):
    monkeypatch.setenv("COUNTERSIGN_MODEL_KEY_ADDER", KEY)
    caplog.set_level(logging.DEBUG)
    server.say(answer)
    failure = failed(turns.model(server))
    captured = capfd.readouterr()
    written = [failure.message, str(failure.facts), caplog.text, captured.out, captured.err]
    written += traceback.format_exception(failure)
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert not [text for text in written if KEY in text]


def test_a_good_call_logs_no_key_either(server, turns, monkeypatch, caplog, capfd):
    monkeypatch.setenv("COUNTERSIGN_MODEL_KEY_ADDER", KEY)
    caplog.set_level(logging.DEBUG)
    server.say(final({"total": "1"}))
    reply = invoke(turns.model(server))
    captured = capfd.readouterr()
    assert KEY not in caplog.text + captured.out + captured.err + str(reply)


SCRUBBED = {
    "a key by its look": "sent sk-proj-AbC123456789 there",
    "a bearer": "Authorization: Bearer abcdefgh12345678",
    "a masked key": "Incorrect API key provided: sk-abcd****wxyz",
    "a field": '{"api_key": "abcdefgh12345678"}',
}


@pytest.mark.parametrize("text", SCRUBBED.values(), ids=SCRUBBED)
def test_what_looks_like_a_key_is_removed(text):
    scrubbed = model_keys.scrub(text)
    assert "[key removed]" in scrubbed
    assert "12345678" not in scrubbed
    assert "wxyz" not in scrubbed
