"""The rows are exactly what the log says; what somebody changed in them is found, named and repaired."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from orchestrator import engine, eventlog, outbox, sql
from orchestrator.domain import commands as c
from orchestrator.services import rebuild
from tests.orchestrator import runs
from tests.orchestrator.workflows import SIGNED, seal, workflow

pytestmark = pytest.mark.django_db


def texts() -> list[str]:
    return [found.text for found in rebuild.differences()]


@pytest.fixture
def run() -> str:
    """A run with a repaired turn, a read, a released payment and a refused one."""
    run = runs.begin(workflow("one", "two", turns=50), inputs={"text": "y" * 3000})
    runs.reply(run, output={"n": 1}, model="m", cost="0.123456789012", input_tokens=7, note="hm")
    runs.judge(run, "repairable", "wrong")
    runs.propose(run, "t.look", "t.pay", "t.pay", "t.unknown")
    for action in ("a2", "a3"):
        command = c.RecordAssessment(
            actor="system",
            at=runs.now(),
            action=action,
            decision="hold",
            rule="r",
            explanation="e",
            tier="high",
        )
        engine.submit(run, command)
    engine.submit(run, c.RecordResult(actor="system", at=runs.now(), action="a1", result=seal("seen")))
    engine.submit(
        run,
        c.ReleaseAction(
            actor="user:reviewer",
            at=runs.now(),
            action="a2",
            request="q1",
            digest=runs.state_of(run).actions["a2"].digest,
            policy="strict",
            policy_revision=1,
            sign_offs=SIGNED,
        ),
    )
    engine.submit(
        run, c.RefuseAction(actor="user:reviewer", at=runs.now(), action="a3", source="reviewer", reason="no")
    )
    return run


def test_rows_that_nobody_touched_differ_nowhere(run: str) -> None:
    assert texts() == []
    assert rebuild.rebuild() == 0


def test_a_long_run_differs_nowhere() -> None:
    run = runs.begin()
    for _ in range(300):
        runs.reply(run, more=True)
    assert texts() == []


CHANGES = {
    "a run's state": ("UPDATE {run} SET state='succeeded' WHERE id=$1::uuid", "state is 'succeeded'"),
    "a run's cost": ("UPDATE {run} SET cost=cost+1 WHERE id=$1::uuid", "cost is"),
    "a run's head": ("UPDATE {run} SET head=head-1 WHERE id=$1::uuid", "head is"),
    "a run's pinned title": ("UPDATE {run} SET title='x' WHERE id=$1::uuid", "title is 'x'"),
    "a turn's note": ("UPDATE {turn} SET note='x' WHERE run_id=$1::uuid AND turn='t1'", "note is 'x'"),
    "a turn's outcome": ("UPDATE {turn} SET outcome='' WHERE run_id=$1::uuid AND turn='t1'", "'sent back'"),
    "an action's amount": ("UPDATE {action} SET amount=1 WHERE run_id=$1::uuid AND action='a2'", "amount is"),
    "an action's state": (
        "UPDATE {action} SET state='voided' WHERE run_id=$1::uuid AND action='a2'",
        "the log says 'released'",
    ),
    "a turn that is gone": ("DELETE FROM {turn} WHERE run_id=$1::uuid AND turn='t1'", "the row is missing"),
    "a run that is gone": ("DELETE FROM {run} WHERE id=$1::uuid", "the row is missing"),
    "an action that never was": (
        "UPDATE {turn} SET id=run_id||'.t99', turn='t99' WHERE run_id=$1::uuid AND turn='t1'",
        "t99: the row has no event",
    ),
    "an effect that got lost": (
        "UPDATE {effect} SET state='done' WHERE stream_id=$1::uuid AND subject='a2'",
        "no worker will find it",
    ),
    "an effect that is gone": (
        "DELETE FROM {effect} WHERE stream_id=$1::uuid AND subject='a2'",
        "no worker will find it",
    ),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES.keys())
def test_a_row_that_differs_is_named_and_repaired(run: str, change: str, said: str) -> None:
    tables = {name: f'"orchestrator_{name}"' for name in ("run", "turn", "action", "effect")}
    sql.run(change.format(**tables), [run])
    found = texts()
    assert any(said in text for text in found), found
    assert rebuild.rebuild() >= 1
    assert texts() == []
    assert eventlog.load(run, fresh=True).state.status == "running"


def test_a_lost_effect_can_be_claimed_again_after_the_repair(run: str) -> None:
    sql.run('DELETE FROM "orchestrator_effect" WHERE stream_id=$1::uuid', [run])
    rebuild.rebuild()
    assert [held.subject for held in outbox.claim(run, "tester", limit=9)] == ["a2"]


def test_rows_of_a_run_without_events_are_named(run: str) -> None:
    other = runs.begin()
    sql.run('DELETE FROM "orchestrator_event" WHERE stream_id=$1::uuid', [other])
    sql.run('DELETE FROM "orchestrator_stream" WHERE id=$1::uuid', [other])
    assert any(f"run {other}: the row has no event" in text for text in texts())
    rebuild.rebuild()
    assert texts() == []


def test_a_snapshot_that_is_not_the_folds_state_is_named_and_thrown_away() -> None:
    run = runs.begin()
    for _ in range(110):
        runs.reply(run, more=True)
    eventlog.keep_snapshot(run, 0, eventlog.load(run))
    assert texts() == []
    sql.run(
        "UPDATE \"orchestrator_snapshot\" SET state=convert_to(replace(convert_from(state,'UTF8'), "
        "'\"running\"', '\"paused\"'), 'UTF8') WHERE stream_id=$1::uuid",
        [run],
    )
    assert texts() == ["snapshot: it is not the state that the log folds to"]
    rebuild.rebuild()
    assert texts() == []
    eventlog.forget()
    assert eventlog.load(run).state.status == "running"


def test_the_command_checks_without_changing_and_repairs_without_check(run: str) -> None:
    def command(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
        out = StringIO()
        code = 0
        try:
            call_command("rebuild", "--json", *arguments, stdout=out)
        except SystemExit as end:
            code = int(str(end.code))
        return code, [json.loads(line) for line in out.getvalue().splitlines()]

    assert command("--check") == (0, [{"differences": 0}])
    sql.run("UPDATE \"orchestrator_run\" SET state='failed' WHERE id=$1::uuid", [run])
    code, said = command("--check")
    assert (code, said[0]["table"], said[-1]) == (1, "run", {"differences": 1})
    assert command("--check")[0] == 1
    assert command() == (0, [{"repaired": 1}, {"differences": 0}])
