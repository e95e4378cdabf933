"""What people do to a run as a whole: start, pause, resume, cancel."""

from __future__ import annotations

from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.rules import shared


def start(draft: Draft, command: c.StartRun) -> None:
    if draft.state.status != "new":
        raise errors.Refused("This run was started already.")
    cause = draft.add(
        e.RunStarted(
            spec=command.spec,
            spec_digest=command.spec_digest,
            input=command.input,
            started_by=command.started_by,
            on_behalf_of=command.on_behalf_of,
            title=command.title,
        )
    )
    shared.pattern(draft.state).begin(draft, cause)


def pause(draft: Draft, command: c.PauseRun) -> None:
    shared.must_go_on(draft.state)
    if draft.state.status == "paused":
        raise errors.Refused("This run is paused already.")
    shared.must_have(command.reason)
    draft.add(e.RunPaused(reason=command.reason))


def resume(draft: Draft, command: c.ResumeRun) -> None:
    shared.must_go_on(draft.state)
    if draft.state.status != "paused":
        raise errors.Refused("This run is not paused.")
    cause = draft.add(e.RunResumed(reason=command.reason))
    shared.pattern(draft.state).resumed(draft, cause)


def cancel(draft: Draft, command: c.CancelRun) -> None:
    shared.must_go_on(draft.state)
    shared.must_have(command.reason)
    for action in list(draft.state.actions.values()):
        if action.status not in shared.UNDERWAY:
            draft.add(e.ActionVoided(action=action.id, reason="The run was cancelled."))
    draft.add(e.RunCancelled(reason=command.reason))
