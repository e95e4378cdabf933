"""Events to rows, purely: used by the append and by `rebuild` alike, so that the two cannot differ.

A projection gives `Put`s: the columns of one row that an event sets. Whether a row is new is known from the
event's type, so the append needs no upsert.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from orchestrator import models, sql
from orchestrator.domain import digests, ids
from orchestrator.domain import events as e
from orchestrator.domain.state import RunState
from orchestrator.sql import Fragment

TABLES: dict[str, Any] = {
    "run": models.Run,
    "turn": models.Turn,
    "action": models.Action,
    "commitment": models.Commitment,
    "agent": models.Agent,
    "agent_revision": models.AgentRevision,
    "tool": models.Tool,
    "tool_revision": models.ToolRevision,
    "workflow": models.Workflow,
    "workflow_revision": models.WorkflowRevision,
}
KEYS = {name: model._meta.pk.column for name, model in TABLES.items()}


class Put(NamedTuple):
    """Columns of one row. `is_new` inserts it, else it is updated."""

    table: str
    key: Any
    columns: dict[str, Any]
    is_new: bool


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@lru_cache(maxsize=1024)
def moment(at: int) -> dt.datetime:
    """The time of an event, from whole microseconds."""
    return _EPOCH + dt.timedelta(microseconds=at)


def rows(stream: str, recorded: Sequence[e.Event], before: Any, after: Any) -> list[Put]:
    """The rows that a batch of events sets, one Put a row. `before` and `after` are the states around the batch."""
    merged: dict[tuple[str, Any], Put] = {}
    starts = False
    for event in recorded:
        starts = starts or type(event.body) is e.RunStarted
        project = _PROJECT.get(type(event.body))
        if project is not None:
            for put in project(stream, event, event.body):
                known = merged.get((put.table, put.key))
                if known is not None:
                    put = Put(put.table, put.key, {**known.columns, **put.columns}, known.is_new)
                merged[put.table, put.key] = put
    if isinstance(after, RunState) and after.seq:
        changed_at = moment(recorded[-1].at)
        put = run_row(after, changed_at, is_new=starts)
        if not starts:
            # Only what differs is written: most steps change four of its columns.
            known_columns = _columns_before(stream, before)
            kept = {name: value for name, value in put.columns.items() if value != known_columns.get(name)}
            _kept[stream] = (after, put.columns)
            put = put._replace(columns=kept)
        merged["run", stream] = put
    for put in merged.values():
        for name, value in put.columns.items():
            if type(value) is str and "\0" in value:  # the log keeps it; a text column cannot
                put.columns[name] = value.replace("\0", "\ufffd")
    return list(merged.values())


# The last row of a run that this process made, with its state: the next step compares with it. May be lost.
_kept: dict[str, tuple[RunState, dict[str, Any]]] = {}
_MOST_KEPT = 2000


def _columns_before(stream: str, before: RunState) -> dict[str, Any]:
    """The columns of the row before this step; the time of change is never among them, so it is always written."""
    kept = _kept.get(stream)
    if kept is not None and kept[0] is before:
        return {**kept[1], "changed_at": None}
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    return {**run_row(before, moment(0), is_new=False).columns, "changed_at": None}


def fragments(puts: Sequence[Put]) -> list[Fragment]:
    """The statement's parts for these rows: one INSERT per table and shape, one UPDATE per row."""
    parts: list[Fragment] = []
    inserts: dict[tuple[str, tuple[str, ...]], list[Put]] = {}
    for put in puts:
        if put.is_new:
            inserts.setdefault((put.table, tuple(put.columns)), []).append(put)
    for (table, columns), group in inserts.items():
        parts.append(_insert(table, columns, group))
    parts.extend(_update(put) for put in puts if not put.is_new)
    return parts


def _insert(table: str, columns: tuple[str, ...], group: list[Put]) -> Fragment:
    model = TABLES[table]
    names = (KEYS[table], *columns)
    values = [value for put in group for value in (put.key, *put.columns.values())]

    def render(first: int) -> str:
        known = sql.column_types(model)
        rows = sql.values_rows([known[name] for name in names], len(group), first)
        listed = ",".join(f'"{name}"' for name in names)
        return (
            f'i{first} AS (INSERT INTO "{model._meta.db_table}" ({listed}) '
            f"SELECT v.* FROM s, (VALUES {rows}) AS v({listed}))"
        )

    return Fragment(("insert", table, columns, len(group)), values, render)


def _update(put: Put) -> Fragment:
    model = TABLES[put.table]

    def render(first: int) -> str:
        known = sql.column_types(model)
        sets = ",".join(f'"{name}"=${first + 1 + at}::{known[name]}' for at, name in enumerate(put.columns))
        key = KEYS[put.table]
        return (
            f'u{first} AS (UPDATE "{model._meta.db_table}" AS t SET {sets} '
            f'FROM s WHERE t."{key}"=${first}::{known[key]})'
        )

    return Fragment(("update", put.table, tuple(put.columns)), [put.key, *put.columns.values()], render)


# ---- the run's row, made from the state ----
def run_row(state: RunState, changed_at: dt.datetime, *, is_new: bool) -> Put:
    spec = state.spec
    held = sum(action.status == "held" for action in state.actions.values())
    shown, waits_for = _standing(state, held)
    totals = state.totals
    columns: dict[str, Any] = {
        "state": shown,
        "waits_for": waits_for,
        "reason": state.reason,
        "is_fault": state.is_fault,
        "stage": state.stages[state.position].name if state.stages else "",
        "stages_passed": sum(stage.status == "passed" for stage in state.stages),
        "changed_at": changed_at,
        "ended_at": moment(state.ended_at) if state.ended_at else None,
        "head": state.seq,
        "turns": totals.turns,
        "actions": totals.actions,
        "held": held,
        "executed": totals.executed,
        "refused": totals.refused,
        "failed": totals.failed,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cost": totals.cost,
        "unpriced": totals.unpriced,
    }
    if is_new:
        columns = {
            "workflow": spec.slug,
            "workflow_name": spec.name,
            "workflow_revision": spec.revision,
            "pattern": spec.pattern,
            "title": state.title,
            "stages_total": len(state.stages),
            "started_by": state.started_by,
            "on_behalf_of": state.on_behalf_of,
            "owner": spec.owner,
            "started_at": moment(state.started_at),
            **columns,
        }
    return Put("run", state.stream, columns, is_new)


def _standing(state: RunState, held: int) -> tuple[str, str]:
    """The state a person reads, and what the run waits for in words."""
    unconfirmed = sum(action.status == "unconfirmed" for action in state.actions.values())
    open_for_people = held + unconfirmed
    if (
        state.status != "running"
        or state.turns
        or not open_for_people
        or open_for_people < len(state.actions)
    ):
        return state.status, ""
    parts = []
    if held:
        parts.append(f"{held} action{'s' if held > 1 else ''} to be decided")
    if unconfirmed:
        parts.append(f"{unconfirmed} unconfirmed action{'s' if unconfirmed > 1 else ''} to be settled")
    return "waiting", " and ".join(parts)


# ---- one function per event that sets rows ----
def _turn_requested(stream: str, event: e.Event, body: e.TurnRequested) -> list[Put]:
    columns = {
        "run_id": stream,
        "turn": body.turn,
        "stage": body.stage,
        "agent": body.agent,
        "attempt": body.attempt,
        "number": body.number,
        "state": "requested",
        "requested_seq": event.seq,
        "requested_at": moment(event.at),
        "feedback": body.feedback,
    }
    return [Put("turn", ids.row_id(stream, body.turn), columns, True)]


# What a row has from its insert on; a completion that says no more does not write it again.
_TURN_DEFAULTS: dict[str, Any] = {
    "model": "",
    "input_tokens": 0,
    "output_tokens": 0,
    "cost": None,
    "milliseconds": 0,
}


def _turn_completed(stream: str, event: e.Event, body: e.TurnCompleted) -> list[Put]:
    columns = {"state": "completed", "ended_at": moment(event.at), **_used(body)}
    if body.note:
        columns["note"] = body.note
    if body.output is not None:
        columns["output"] = body.output.digest
    return [Put("turn", ids.row_id(stream, body.turn), columns, False)]


def _turn_failed(stream: str, event: e.Event, body: e.TurnFailed) -> list[Put]:
    columns = {"state": "failed", "ended_at": moment(event.at), "error": body.text, **_used(body)}
    return [Put("turn", ids.row_id(stream, body.turn), columns, False)]


def _used(body: e.TurnCompleted | e.TurnFailed) -> dict[str, Any]:
    """What a call used, as far as it differs from what the row has from its insert on."""
    used = {name: getattr(body, name) for name in _TURN_DEFAULTS}
    return {name: value for name, value in used.items() if value != _TURN_DEFAULTS[name]}


def _judged(outcome: str) -> Any:
    def project(stream: str, event: e.Event, body: Any) -> list[Put]:
        if not body.turn:
            return []
        return [Put("turn", ids.row_id(stream, body.turn), {"outcome": outcome}, False)]

    return project


def _action_proposed(stream: str, event: e.Event, body: e.ActionProposed) -> list[Put]:
    columns = {
        "run_id": stream,
        "action": body.action,
        "turn": body.turn,
        "stage": body.stage,
        "agent": body.agent,
        "tool": body.tool,
        "tool_version": body.tool_version,
        "state": "proposed",
        "consequential": body.consequential,
        "digest": body.digest,
        "arguments": body.arguments.digest,
        "target": body.target,
        "amount": body.amount,
        "currency": body.currency,
        "person": body.person,
        "reason": body.reason,
        "proposed_seq": event.seq,
        "proposed_at": moment(event.at),
        "changed_at": moment(event.at),
    }
    return [Put("action", ids.row_id(stream, body.action), columns, True)]


def _action_moved(state: str, *names: str) -> Any:
    """Set the state and copy the named fields of the body: `field` or `field>column`."""
    pairs = [(name.split(">")[0], name.split(">")[-1]) for name in names]

    def project(stream: str, event: e.Event, body: Any) -> list[Put]:
        columns = {"state": state, "changed_at": moment(event.at)}
        for field, column in pairs:
            columns[column] = getattr(body, field)
        return [Put("action", ids.row_id(stream, body.action), columns, False)]

    return project


def _action_released(stream: str, event: e.Event, body: e.ActionReleased) -> list[Put]:
    columns = {
        "state": "released",
        "request": body.request,
        "released_seq": event.seq,
        "changed_at": moment(event.at),
    }
    return [Put("action", ids.row_id(stream, body.action), columns, False)]


def _action_recalled(stream: str, event: e.Event, body: e.ActionRecalled) -> list[Put]:
    columns = {
        "state": "proposed",
        "tier": "",
        "released_seq": None,
        "explanation": body.reason,
        "changed_at": moment(event.at),
    }
    return [Put("action", ids.row_id(stream, body.action), columns, False)]


def _action_edited(stream: str, event: e.Event, body: e.ActionEdited) -> list[Put]:
    columns = {"arguments": body.arguments.digest, "changed_at": moment(event.at)}
    for name in ("digest", "target", "amount", "currency", "person", "rule", "explanation", "tier"):
        columns[name] = getattr(body, name)
    return [Put("action", ids.row_id(stream, body.action), columns, False)]


def _action_executed(stream: str, event: e.Event, body: e.ActionExecuted) -> list[Put]:
    columns = {"state": "executed", "outcome": body.result.digest, "changed_at": moment(event.at)}
    return [Put("action", ids.row_id(stream, body.action), columns, False)]


def _commitment_created(stream: str, event: e.Event, body: e.CommitmentCreated) -> list[Put]:
    columns = {
        "run_id": stream,
        "commitment": body.commitment,
        "debtor": body.debtor,
        "creditor": body.creditor,
        "consequent": body.consequent,
        "antecedent": body.antecedent,
        "premises": digests.canonical(list(body.premises)).decode(),
        "due": body.due,
        "due_at": moment(body.due_at) if body.due_at else None,
        "state": "created",
        "created_seq": event.seq,
        "created_at": moment(event.at),
        "settled_seq": None,
        "changed_at": moment(event.at),
    }
    return [Put("commitment", ids.row_id(stream, body.commitment), columns, True)]


def _commitment_settled(state: str, said: str = "") -> Any:
    """`said` is the field of the body that holds what was said to it."""

    def project(stream: str, event: e.Event, body: Any) -> list[Put]:
        columns = {"state": state, "settled_seq": event.seq, "changed_at": moment(event.at)}
        if said:
            columns["text"] = getattr(body, said)
        if getattr(body, "evidence", None) is not None:
            columns["evidence"] = body.evidence.digest
        return [Put("commitment", ids.row_id(stream, body.commitment), columns, False)]

    return project


def _revision(table: str, key: str, version: str, *, extra: tuple[str, ...] = ()) -> Any:
    """A publication: the subject's row (new with its first revision) and the immutable revision."""

    def project(stream: str, event: e.Event, body: Any) -> list[Put]:
        number = getattr(body, version)
        name = getattr(body, key)
        subject = {version: number, "changed_at": moment(event.at)}
        for field in extra:
            subject[field] = getattr(body, field)
        if table != "tool":
            subject["is_retired"] = False
        revision = {
            f"{table}_id": name,
            version: number,
            "digest": body.digest,
            "spec": bytes(body.spec).decode(),
            "published_by": body.published_by,
            "published_at": moment(event.at),
        }
        if hasattr(body, "notes"):
            revision["notes"] = body.notes
        return [
            Put(table, name, subject, number == 1),
            Put(f"{table}_revision", f"{name}@{number}", revision, True),
        ]

    return project


def _retired(table: str) -> Any:
    def project(stream: str, event: e.Event, body: Any) -> list[Put]:
        return [Put(table, body.slug, {"is_retired": True, "changed_at": moment(event.at)}, False)]

    return project


_PROJECT: dict[type[e.Body], Any] = {
    e.TurnRequested: _turn_requested,
    e.TurnCompleted: _turn_completed,
    e.TurnFailed: _turn_failed,
    e.StagePassed: _judged("passed"),
    e.StageSentBack: _judged("sent back"),
    e.StageFailed: _judged("failed"),
    e.ActionProposed: _action_proposed,
    e.ActionAllowed: _action_moved("allowed", "rule", "explanation"),
    e.ActionHeld: _action_moved("held", "rule", "explanation", "tier"),
    e.ActionRefused: _action_moved("refused", "reason>explanation", "request"),
    e.ActionReleased: _action_released,
    e.ActionRecalled: _action_recalled,
    e.ActionEdited: _action_edited,
    e.ActionClaimed: _action_moved("claimed"),
    e.ActionExecuted: _action_executed,
    e.ActionFailed: _action_moved("failed", "text>explanation"),
    e.ActionUnconfirmed: _action_moved("unconfirmed", "text>explanation", "assigned_to"),
    e.ActionVoided: _action_moved("voided", "reason>explanation"),
    e.CommitmentCreated: _commitment_created,
    e.CommitmentDischarged: _commitment_settled("discharged", "text"),
    e.CommitmentCancelled: _commitment_settled("cancelled", "reason"),
    e.CommitmentViolated: _commitment_settled("violated"),
    e.AgentPublished: _revision("agent", "slug", "revision", extra=("name", "owner")),
    e.AgentRetired: _retired("agent"),
    e.ToolPublished: _revision("tool", "name", "version"),
    e.WorkflowPublished: _revision("workflow", "slug", "revision", extra=("name", "owner", "pattern")),
    e.WorkflowRetired: _retired("workflow"),
}
