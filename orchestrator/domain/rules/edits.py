"""What a person may change of an action that waits for people."""

from __future__ import annotations

from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.rules import shared


class NothingChanged(errors.Refused):
    """The arguments are what they were. Change something, or approve or reject the action as it is."""


def edit(draft: Draft, command: c.EditAction) -> None:
    shared.must_go_on(draft.state)
    action = shared.open_action(draft.state, command.action)
    if action.status != "held":
        raise shared.WrongStep(
            f"The action is {action.status}; only one that waits for people is changed.", action=action.id
        )
    if command.seen_digest != action.digest:
        raise shared.DigestMismatch(action=action.id)
    if command.arguments.digest == action.arguments.digest:
        raise NothingChanged(action=action.id)
    draft.add(
        e.ActionEdited(
            action=action.id,
            arguments=command.arguments,
            digest=command.digest,
            editor=command.editor,
            note=command.note,
            replaces=command.replaces,
            target=command.target,
            amount=command.amount,
            currency=command.currency,
            person=command.person,
            rule=command.rule,
            explanation=command.explanation,
            tier=command.tier or action.tier,
            policy=command.policy,
            policy_revision=command.policy_revision,
        ),
        cause=action.seq,
    )
