"""Asks an agent a reviewer's question: a turn beside the work, with no tools, that settles nothing.

Whatever goes wrong becomes the answer's text, so that a question never pauses a run.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from orchestrator import blobs, engine, eventlog, ports
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.effects import Fence
from orchestrator.domain.replies import Result
from orchestrator.domain.rules import questions
from orchestrator.domain.schemas import clip
from orchestrator.domain.state import Question, RunState
from orchestrator.engine import Appended
from orchestrator.outbox import Held, Owner
from orchestrator.services import facts, leases

log = structlog.get_logger(__name__)

LONGEST = 8000
TRIES = 3


def record(
    run: str,
    question: Question,
    spoken: ports.Spoken,
    could: bool,
    used: dict[str, Any],
    fence: Fence,
    owner: Owner,
) -> Appended:
    """Bring the answer to the run and to who asked, in one transaction."""
    text = clip(spoken.text.encode("utf-8", "replace").decode().replace("\0", "\ufffd"), LONGEST)
    with transaction.atomic():
        eventlog.lock(run)
        at = timezone.now()
        command = c.RecordAnswer(
            actor="system", at=eventlog.micros(at), question=question.id, text=text, could=could, **used
        )
        appended = engine.submit(run, command, fence=fence, owner=owner)
        ports.gate().answered(request=question.request, question=question.id, text=text, could=could, at=at)
    return appended


def tell_given_up(state: RunState, question: str) -> None:
    """Say on the case that no answer comes any more, in the transaction that gives the question up.

    `state` is the run's from just before, under the lock of its stream.
    """
    asked = state.questions.get(question)
    if asked is not None:
        ports.gate().answered(
            request=asked.request,
            question=asked.id,
            text=questions.NO_ANSWER,
            could=False,
            at=timezone.now(),
        )


def ask(state: RunState, question: Question, held: Held) -> tuple[ports.Spoken, bool]:
    """What the agent says; or, with False, why it says nothing. Raises PortFailure while it is worth another try."""
    agent = state.spec.agents[question.agent]
    try:
        speak = getattr(ports.runners()[agent.kind], "answer", None)
        if speak is None:
            raise ports.CannotAnswer()
        return speak(_request(state, question, held), question.text), True
    except ports.CannotAnswer as refused:
        return ports.Spoken(refused.message), False
    except errors.PortFailure as failure:
        if failure.retry == "transient" and held.dispatches < TRIES:
            raise
        return ports.Spoken(f"No answer came. {failure.message}"), False
    except Exception as error:
        log.exception("question_failed", run=state.stream, question=question.id)
        return ports.Spoken(f"No answer came: something unexpected happened ({type(error).__name__})."), False


def _request(state: RunState, question: Question, held: Held) -> ports.TurnRequest:
    spec = state.spec
    stage = spec.stage(question.stage)
    waiting = [
        Result(call_id=action.call_id, tool=action.tool, state=action.status, text="It waits for a person.")
        for action in state.actions.values()
        if action.agent == question.agent
    ]
    allowed = facts.file_digests(state)

    def read_file(digest: str) -> bytes:
        if digest not in allowed:
            raise errors.NotPermitted("This file does not belong to the run.", digest=digest)
        return blobs.read(digest)

    return ports.TurnRequest(
        run=state.stream,
        turn=question.id,
        key=held.key,
        agent=spec.agents[question.agent],
        stage=stage,
        tools=(),
        inputs=facts.stage_inputs(state, stage),
        attempt=1,
        number=1,
        feedback="",
        results=waiting,
        transcript=blobs.value(question.transcript) if question.transcript else None,
        read_file=read_file,
        is_cancelled=lambda: leases.is_gone(held.key),
        stream_text=lambda text: None,
    )
