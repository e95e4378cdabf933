"""What becomes of an action: the gate's answer, people's, the executor's take and its outcome."""

from __future__ import annotations

from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.rules import shared


def assessment(draft: Draft, command: c.RecordAssessment) -> None:
    action = shared.open_action(draft.state, command.action)
    policy, revision = command.policy, command.policy_revision
    if command.decision == "allow":
        shared.must_step(action, "allowed")
        draft.add(
            e.ActionAllowed(
                action=action.id,
                rule=command.rule,
                explanation=command.explanation,
                policy=policy,
                policy_revision=revision,
            ),
            cause=action.seq,
        )
    elif command.decision == "hold":
        shared.must_step(action, "held")
        draft.add(
            e.ActionHeld(
                action=action.id,
                rule=command.rule,
                explanation=command.explanation,
                tier=command.tier or "medium",
                policy=policy,
                policy_revision=revision,
            ),
            cause=action.seq,
        )
    else:
        shared.must_step(action, "refused")
        if action.status == "released":
            raise shared.WrongStep("People released this action; only people revoke that.", action=action.id)
        cause = draft.add(
            e.ActionRefused(
                action=action.id,
                source="policy",
                reason=command.explanation,
                rule=command.rule,
                digest=action.digest,
                policy=policy,
                policy_revision=revision,
            ),
            cause=action.seq,
        )
        shared.settle(draft, cause)


def release(draft: Draft, command: c.ReleaseAction) -> None:
    shared.must_go_on(draft.state)
    action = shared.open_action(draft.state, command.action)
    shared.must_step(action, "released")
    if command.digest != action.digest:
        raise shared.DigestMismatch(action=action.id)
    if not command.sign_offs:
        raise errors.Refused("A release needs the sign-offs that it rests on.")
    draft.add(
        e.ActionReleased(
            action=action.id,
            request=command.request,
            digest=command.digest,
            policy=command.policy,
            policy_revision=command.policy_revision,
            sign_offs=command.sign_offs,
        ),
        cause=action.seq,
    )


def refuse(draft: Draft, command: c.RefuseAction) -> None:
    action = shared.open_action(draft.state, command.action)
    shared.must_step(action, "refused")
    cause = draft.add(
        e.ActionRefused(
            action=action.id,
            source=command.source,
            reason=command.reason,
            request=command.request,
            digest=command.digest or action.digest,
            policy=command.policy,
            policy_revision=command.policy_revision,
            sign_offs=command.sign_offs,
        ),
        cause=action.seq,
    )
    shared.settle(draft, cause)


def recall(draft: Draft, command: c.RecallAction) -> None:
    action = shared.open_action(draft.state, command.action)
    shared.must_step(action, "proposed")
    draft.add(
        e.ActionRecalled(action=action.id, reason=command.reason, assessment=action.assessment + 1),
        cause=action.seq,
    )


def claim(draft: Draft, command: c.ClaimAction) -> None:
    shared.must_go_on(draft.state)
    if draft.state.status == "paused":
        raise errors.Refused("The run is paused; the action waits.")
    action = shared.open_action(draft.state, command.action)
    shared.must_step(action, "claimed")
    if command.digest != action.digest:
        raise shared.DigestMismatch(action=action.id)
    claimed = e.ActionClaimed(action=action.id, digest=action.digest, execute_by=command.execute_by)
    draft.add(claimed, cause=action.seq)


def result(draft: Draft, command: c.RecordResult) -> None:
    action = shared.open_action(draft.state, command.action)
    shared.must_have_run(action)
    cause = draft.add(e.ActionExecuted(action=action.id, result=command.result), cause=action.seq)
    shared.settle(draft, cause)


def failure(draft: Draft, command: c.RecordActionFailure) -> None:
    action = shared.open_action(draft.state, command.action)
    shared.must_have_run(action)
    cause = draft.add(e.ActionFailed(action=action.id, text=command.text), cause=action.seq)
    shared.settle(draft, cause)


def unconfirmed(draft: Draft, command: c.RecordUnconfirmed) -> None:
    action = shared.open_action(draft.state, command.action)
    shared.must_step(action, "unconfirmed")
    owner = draft.state.spec.agents[action.agent].owner if action.agent in draft.state.spec.agents else ""
    draft.add(
        e.ActionUnconfirmed(action=action.id, text=command.text, assigned_to=owner or draft.state.spec.owner),
        cause=action.seq,
    )


def confirm(draft: Draft, command: c.ConfirmAction) -> None:
    action = shared.open_action(draft.state, command.action)
    if action.status != "unconfirmed":
        raise shared.WrongStep("Only an unconfirmed action is confirmed by a person.", action=action.id)
    shared.must_have(command.text)
    by = command.actor.removeprefix("user:")
    if command.executed:
        if command.result is None:
            raise errors.Refused(
                "Say what is known of the result; without it the action cannot count as done."
            )
        cause = draft.add(
            e.ActionExecuted(action=action.id, result=command.result, confirmed_by=by), cause=action.seq
        )
    else:
        cause = draft.add(
            e.ActionFailed(action=action.id, text=command.text, confirmed_by=by), cause=action.seq
        )
    shared.settle(draft, cause)
