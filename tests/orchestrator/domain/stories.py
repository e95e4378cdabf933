"""Runs brought to every place that a rule distinguishes, by name."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.domain import commands as c
from tests.orchestrator.workflows import Story, seal, start, verdict

SITUATIONS: dict[str, Callable[[], Story]] = {}


def _situation(make: Callable[[], Story]) -> Callable[[], Story]:
    SITUATIONS[make.__name__] = make
    return make


@_situation
def new() -> Story:
    return Story(started=False)


@_situation
def turn_open() -> Story:
    return Story()


@_situation
def turn_answered() -> Story:
    story = Story()
    story.reply(output={"n": 1})
    return story


@_situation
def proposed() -> Story:
    story = Story()
    story.propose("t.pay")
    return story


@_situation
def reading() -> Story:
    story = Story()
    story.propose("t.look")
    return story


@_situation
def allowed() -> Story:
    story = proposed()
    story.assess("allow")
    return story


@_situation
def held() -> Story:
    story = proposed()
    story.assess("hold")
    return story


@_situation
def released() -> Story:
    story = held()
    story.release()
    return story


@_situation
def claimed() -> Story:
    story = released()
    story.claim()
    return story


@_situation
def unconfirmed() -> Story:
    story = claimed()
    story.do(c.RecordUnconfirmed, action="a1", text="lost")
    return story


@_situation
def paused_turn() -> Story:
    story = turn_open()
    story.pause()
    return story


@_situation
def paused_held() -> Story:
    story = held()
    story.pause()
    return story


@_situation
def paused_claimed() -> Story:
    story = claimed()
    story.pause()
    return story


@_situation
def succeeded() -> Story:
    story = turn_answered()
    story.judge("pass")
    return story


@_situation
def failed() -> Story:
    story = turn_answered()
    story.judge("fatal", "no good")
    return story


@_situation
def cancelled() -> Story:
    story = held()
    story.cancel()
    return story


@_situation
def cancelled_claimed() -> Story:
    story = claimed()
    story.cancel()
    return story


COMMANDS: dict[str, Callable[[Story], list[str]]] = {
    "StartRun": lambda s: s.tell(start(s.spec)),
    "PauseRun": Story.pause,
    "ResumeRun": Story.resume,
    "CancelRun": Story.cancel,
    "RecordReply": lambda s: s.do(c.RecordReply, turn="t1", output=seal({"n": 1})),
    "RecordTurnFailure": lambda s: s.do(c.RecordTurnFailure, turn="t1", retry="permanent", text="broken"),
    "RecordVerdict": lambda s: s.do(c.RecordVerdict, turn="t1", verdict=verdict("pass")),
    "Allow": lambda s: s.assess("allow"),
    "Hold": lambda s: s.assess("hold"),
    "RefuseByPolicy": lambda s: s.assess("refuse"),
    "ReleaseAction": lambda s: s.release(),
    "RefuseAction": lambda s: s.do(c.RefuseAction, action="a1", source="reviewer", reason="no"),
    "RecallAction": lambda s: s.do(c.RecallAction, action="a1", reason="stricter"),
    "ClaimAction": lambda s: s.claim(),
    "RecordResult": lambda s: s.result(),
    "RecordActionFailure": lambda s: s.do(c.RecordActionFailure, action="a1", text="bounced"),
    "RecordUnconfirmed": lambda s: s.do(c.RecordUnconfirmed, action="a1", text="lost"),
    "ConfirmAction": lambda s: s.do(
        c.ConfirmAction, by="user:admin", action="a1", executed=True, text="seen", result=seal("yes")
    ),
    "DeadLetterTurn": lambda s: s.do(c.DeadLetter, kind="turn", subject="t1", text="Died five times."),
    "DeadLetterExecute": lambda s: s.do(c.DeadLetter, kind="execute", subject="a1", text="Died five times."),
}
