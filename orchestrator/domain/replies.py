"""What an agent may say. Everything here is untrusted: it is bounded, typed, and never chooses permissions."""

from __future__ import annotations

from typing import Any

import msgspec

MAX_ACTIONS = 500
MAX_ASSERTIONS = 5000
# What follows a rejection is a few sentences: it stands whole beside the decision.
MAX_OTHERWISE = 1000


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where something stands: a source (file name), a place in it (element path, column), the line, a quotation.

    `digest` is the SHA-256 of the source's bytes, so that later edits of the source show.
    """

    source: str
    locator: str = ""
    line: int | None = None
    quote: str = ""
    digest: str = ""


class Assertion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent states, with its evidence and the reasoning that led there."""

    subject: str
    predicate: str
    value: Any = None
    evidence: tuple[Evidence, ...] = ()
    reasoning: str = ""


class ProposedAction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool call the agent asks for. `reason` is the agent's own claim and is shown as such, and so is `otherwise`:
    what it will do instead when people reject the call.

    `call_id` is the agent's own name for the call, returned with its result.
    """

    tool: str
    arguments: dict[str, Any] = {}
    reason: str = ""
    otherwise: str = ""
    evidence: tuple[Evidence, ...] = ()
    call_id: str = ""


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the call used. `cost` is decimal text in USD; None means the price is unknown, never zero.

    `is_estimated` marks counts that the provider did not report.
    """

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = None
    is_estimated: bool = False
    milliseconds: int = 0


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer of an agent to one turn.

    `output` is the stage's output (any JSON value or a msgspec struct), absent while the agent still works.
    Without an output, its actions are performed and their results come back in the next turn; `more` asks for
    another turn without any action. `suspects_upstream` says that the input looks wrong, and why: the stage
    before is opened again. `transcript` is the adapter's own memory of the conversation, handed back unread.
    """

    output: Any = msgspec.UNSET
    assertions: tuple[Assertion, ...] = ()
    actions: tuple[ProposedAction, ...] = ()
    note: str = ""
    more: bool = False
    suspects_upstream: str = ""
    usage: tuple[Usage, ...] = ()
    transcript: Any = None


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of an action the agent had proposed: executed, refused, failed. `text` says why."""

    call_id: str
    tool: str
    state: str
    value: Any = None
    text: str = ""
