"""What notices say: no more than the inbox shows, nothing hidden, nothing that a mail or a chat would act on."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from approvals.domain import notices_hooks as hooks
from approvals.domain import notices_words as words

NOW = dt.datetime(2026, 11, 25, 13, tzinfo=dt.UTC)
ZONE = ZoneInfo("Europe/Berlin")
INBOX = "https://desk.example/inbox/"


def line(**fields: Any) -> words.Line:
    return words.Line(
        **{
            "kind": "opened",
            "sentence": "Pay 82,000.00 EUR to ACME",
            "tier": "high",
            "url": f"{INBOX}1/",
            "agent": "treasurer",
            "workflow": "settlement",
            "digest": "ab12cd34ef56" + "0" * 52,
            "decide_by": NOW + dt.timedelta(minutes=15),
            **fields,
        }
    )


def said(*lines: words.Line) -> words.Message:
    return words.compose(lines, now=NOW, zone=ZONE, url=INBOX)


def test_one_request_says_what_until_when_and_its_digest() -> None:
    message = said(line())
    assert message.subject == "Waits for you: Pay 82,000.00 EUR to ACME"
    assert message.items[0].facts == (
        ("Stakes", "high"),
        ("Decide by", "14:15 on 25 Nov 2026 (Europe/Berlin), 15 minutes left"),
        ("Agent", "treasurer, in settlement"),
        ("Digest", "ab12cd34ef56"),
    )
    text = words.text_of(message, "Nothing is decided.")
    assert f"{INBOX}1/" in text
    assert text.endswith("Nothing is decided.\n")


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        (
            {"kind": "decided", "status": "rejected", "by": "Dana", "reason": "wrong IBAN"},
            "Rejected by Dana: Pay",
        ),
        ({"kind": "decided", "status": "approved", "by": "Dana"}, "Approved by Dana: Pay"),
        ({"kind": "revoked", "by": "Dana"}, "Approval revoked by Dana: Pay"),
        ({"kind": "break_glass", "by": "Dana"}, "Break-glass by Dana: Pay"),
        ({"kind": "expired"}, "Expired: Pay"),
    ],
)
def test_what_became_of_it_names_who_did_it(fields: dict[str, Any], subject: str) -> None:
    message = said(line(**fields))
    assert message.subject.startswith(subject)
    assert "Decide by" not in dict(message.items[0].facts)


def test_many_of_one_agent_are_one_message_that_names_the_most_urgent() -> None:
    message = said(*[line(sentence=f"Pay {i}") for i in range(25)])
    assert message.headline == "25 requests of treasurer wait, the most urgent: Pay 0"
    assert (len(message.items), message.more, message.url) == (words.MOST_LINES, 5, INBOX)
    assert f"And 5 more: {INBOX}" in words.text_of(message, "")


def test_a_round_up_says_what_is_most_urgent() -> None:
    message = said(line(kind="expired"), line(agent="other"))
    assert message.headline.startswith("Round-up: 2 notices, the most urgent: Expired: Pay")


def test_hidden_characters_are_shown_and_break_no_header() -> None:
    hostile = "x\r\nBcc: all@example\u202e\u200b"
    message = said(line(kind="decided", status="approved", by=hostile, reason=hostile, agent=hostile))
    everything = message.subject + message.headline + "".join(value for _, value in message.items[0].facts)
    assert not {"\r", "\n", "\u202e", "\u200b"} & set(everything)
    assert "⟨U+202E⟩" in everything


def test_a_chat_sees_text_that_is_no_link_and_no_mention() -> None:
    message = said(line(sentence="Pay <!channel> & <http://evil.example|ACME>"))
    body = json.loads(hooks.chat_body(message, correlation="r1"))
    assert "<" not in body["text"]
    assert "&lt;!channel&gt; &amp; &lt;http" in body["text"]
    plain = [block for block in body["blocks"] if block["type"] == "section"]
    assert {block["text"]["type"] for block in plain} == {"plain_text"}
    links = [block["elements"][0]["text"] for block in body["blocks"] if block["type"] == "context"]
    assert links == [f"<{INBOX}1/|Open it and sign in>"]
    assert body["metadata"]["event_payload"] == {"correlation": "r1"}


def test_a_body_for_a_program_carries_no_arguments() -> None:
    payload = {
        "request": "r1",
        "run": "u1",
        "action": "a1",
        "arguments": {"iban": "DE89"},
        "parts": [["Pay DE89", ""]],
        "explanation": "over 10,000",
        "outcome": "approved",
    }
    body = hooks.body_of(
        delivery="d", event="request.opened", at=NOW, run="u1", seq=1, actor="system", payload=payload
    )
    assert b"DE89" not in body
    assert json.loads(body) == {
        "id": "d",
        "event": "request.opened",
        "at": "2026-11-25T13:00:00+00:00",
        "run": "u1",
        "seq": 1,
        "actor": "system",
        "action": "a1",
        "request": "r1",
        "outcome": "approved",
        "reason": "over 10,000",
    }


def test_each_valid_secret_signs_the_time_and_the_bytes() -> None:
    header = hooks.signature(["new", "old"], 1_700_000_000, b"{}")
    expected = [hmac.new(secret, b"1700000000.{}", hashlib.sha256).hexdigest() for secret in (b"new", b"old")]
    assert header == f"t=1700000000,v1={expected[0]},v1={expected[1]}"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://hooks.example/services/T0/B0/s3cretk3y", "https://hooks.example/…tk3y"),
        ("https://hooks.example/told", "https://hooks.example/told"),
        ("https://hooks.example:8443/a?token=abcdefgh", "https://hooks.example:8443/…efgh"),
    ],
)
def test_an_address_that_may_be_a_key_is_not_shown_whole(url: str, place: str) -> None:
    assert hooks.place_of(url) == place


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"delegate": "Ben", "is_leave": False}, "Ben decides for Ann"),
        ({"delegate": "", "is_leave": True}, "Ann is away"),
        ({"delegate": "Ben", "is_leave": True}, "Ben decides for Ann, and they are away"),
        ({"delegate": "B\u202een", "is_leave": False}, "B⟨U+202E⟩en decides for Ann"),
    ],
)
def test_who_stands_in_is_said_with_both_ends_in_the_time_of_the_organisation(
    given: dict[str, Any], said: str
) -> None:
    words_said = words.stand_in(
        person="Ann", starts_at=NOW, until=NOW + dt.timedelta(days=2), zone=ZONE, **given
    )
    when = "from 14:00 on 25 Nov 2026 until 14:00 on 27 Nov 2026 (Europe/Berlin)"
    assert words_said == f"{said}, {when}"
