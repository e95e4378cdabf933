"""Retention lets go what is old and owed to nobody; what is still needed stays, and the record still verifies."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from approvals.models import ApprovalRequest, SignOff
from approvals.services import sign_offs
from monitoring.services import audit_retention
from orchestrator import blobs, eventlog, models, ports, sql
from orchestrator.services import checkpoints, effects, rebuild, removal, verify
from orchestrator.services import runs as services
from tests.monitoring import runs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _gate(
    settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, operator: Any, reviewer: Any
) -> None:
    settings.COUNTERSIGN_GATE = "approvals.gate.PolicyGate"
    settings.VAR_DIR = tmp_path
    monkeypatch.delenv("COUNTERSIGN_SIGNING_KEY", raising=False)
    ports.gate.cache_clear()


LATER = dt.timedelta(days=100)
BOTH = {"content": 90, "run": 90}


def later() -> dt.datetime:
    """A hundred days from now: everything made in this test is then old."""
    return timezone.now() + LATER


def settled(reviewer: Any, **given: Any) -> str:
    """A run that has ended after a payment that a person approved."""
    run = runs.held_run(**given)
    request = ApprovalRequest.objects.get(run=run)
    sign_offs.sign_off(
        request=str(request.id), by=reviewer, verb="approve", seen_digest=request.digest,
        seen_version=request.version, reason="", opened_at=timezone.now(), now=timezone.now(),
    )  # fmt: skip
    effects.advance_run(run=run)
    assert models.Run.objects.get(pk=run).ended_at is not None
    return run


def test_by_default_nothing_goes(reviewer: Any) -> None:
    settled(reviewer)
    out = StringIO()
    call_command("retention", stdout=out)
    assert "Everything is kept" in out.getvalue()
    assert removal.removed() == {}
    assert models.Run.objects.count() == 1


def test_an_old_run_goes_with_its_request_and_content_and_leaves_where_it_stood(reviewer: Any) -> None:
    run = settled(reviewer, say="x" * 5000)
    young = runs.start()
    request = str(ApprovalRequest.objects.get(run=run).id)
    checkpoints.take_checkpoint(by="system", now=timezone.now())
    stood = {stream: (head, hash_.hex()) for stream, _, head, hash_ in eventlog.streams()}
    found = audit_retention.apply(BOTH, by="system", now=later())
    assert (found.runs, found.requests) == ((run,), (request,))
    assert found.bytes > 5000
    assert removal.removed() == {run: stood[run], request: stood[request]}
    assert {stream for stream, *_ in eventlog.streams("run")} == {young}
    assert not ApprovalRequest.objects.exists()
    assert not SignOff.objects.exists()
    for model in (models.Turn, models.Action):
        assert not model.objects.filter(run_id=run).exists()
    assert list(rebuild.differences()) == []
    verified = verify.verify_log()
    assert verified.findings == ()
    assert any("Retention removed 2 streams" in said for said in verified.unproven)
    checkpoints.take_checkpoint(by="system", now=timezone.now())
    assert verify.verify_log().findings == ()
    assert audit_retention.apply(BOTH, by="system", now=later()).runs == ()


def test_a_removal_that_nobody_recorded_is_found(reviewer: Any) -> None:
    run = settled(reviewer)
    checkpoints.take_checkpoint(by="system", now=timezone.now())
    eventlog.remove(run)
    assert (run, "cut tail") in [(one.stream, one.problem) for one in verify.verify_log().findings]


def test_a_removal_that_lies_about_where_the_stream_stood_is_found(reviewer: Any) -> None:
    run = settled(reviewer)
    checkpoints.take_checkpoint(by="system", now=timezone.now())
    sql.run("UPDATE orchestrator_stream SET hash=sha256('x') WHERE id=$1::uuid", [run])
    audit_retention.apply({"run": 90}, by="system", now=later())
    assert [(one.stream, one.problem) for one in verify.verify_log().findings] == [(run, "edited")]


def test_content_goes_first_and_its_digest_stays(reviewer: Any) -> None:
    run = settled(reviewer, say="x" * 5000)
    found = audit_retention.apply({"content": 90}, by="system", now=later())
    assert found.runs == ()
    assert found.contents
    for digest, _ in found.contents:
        with pytest.raises(blobs.Erased, match="Retention: content after 90 days"):
            blobs.read(digest)
    assert models.Run.objects.filter(pk=run).exists()
    assert verify.verify_log().findings == ()
    assert list(rebuild.differences()) == []


def test_what_is_young_stays(reviewer: Any) -> None:
    settled(reviewer)
    assert audit_retention.propose(BOTH, now=timezone.now() + dt.timedelta(days=89)).runs == ()


def _open(reviewer: Any) -> str:
    return runs.start()


def _held(reviewer: Any) -> str:
    return runs.held_run()


def _unconfirmed_in_an_ended_run(reviewer: Any) -> str:
    run = runs.unconfirmed_run()
    services.cancel_run(run=run, reason="over", by=reviewer, now=timezone.now())
    assert models.Run.objects.get(pk=run).ended_at is not None
    assert models.Action.objects.get(run_id=run).state == "unconfirmed"
    return run


@pytest.mark.parametrize("make", [_open, _held, _unconfirmed_in_an_ended_run])
def test_what_still_owes_something_stays(reviewer: Any, make: Any) -> None:
    run = make(reviewer)
    found = audit_retention.apply(BOTH, by="system", now=later())
    assert (found.runs, found.contents) == ((), ())
    assert models.Run.objects.filter(pk=run).exists()


def test_content_that_a_younger_run_needs_too_stays(reviewer: Any) -> None:
    shared = "x" * 5000
    settled(reviewer, say=shared)
    open_run = runs.start(payments=[runs.payment()], say=shared)
    needed = {digest for digest, _ in audit_retention.propose(BOTH, now=later()).contents}
    from orchestrator.services import references

    both = references.blobs_of([open_run])
    assert both
    assert not needed & both


def test_a_run_that_something_which_stays_names_is_kept(reviewer: Any) -> None:
    run = settled(reviewer)
    runs.start(say=f"Go on where {run} ended")
    found = audit_retention.apply({"run": 90}, by="system", now=later())
    assert (found.runs, found.still_named) == ((), (run,))


def test_a_dry_run_says_what_would_go_and_changes_nothing(reviewer: Any) -> None:
    settled(reviewer)
    before = eventlog.latest_transaction()
    out = StringIO()
    call_command("retention", dry_run=True, days="run=1", stdout=out)
    assert "0 runs with 0 requests would go" in out.getvalue()
    models.Run.objects.update(ended_at=timezone.now() - dt.timedelta(days=2))
    out = StringIO()
    call_command("retention", dry_run=True, days="run=1", stdout=out)
    assert "After 1 day: " in out.getvalue()
    assert "1 run with 1 request would go" in out.getvalue()
    assert eventlog.latest_transaction() == before


def test_a_setting_that_cannot_be_read_removes_nothing(reviewer: Any, settings: Any) -> None:
    settled(reviewer)
    settings.RETENTION_DAYS = "run=ten"
    with pytest.raises(CommandError, match="RETENTION_DAYS must look like"):
        call_command("retention")
    assert models.Run.objects.count() == 1
