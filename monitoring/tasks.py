"""Celery's side of the watcher: what takes too long for a page, and for the ticker."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from monitoring.services import audit_index, audit_retention, audit_verify


@shared_task(name=audit_verify.TASK, ignore_result=True)
def verify_record(*, verification: str, by: str, **later: object) -> None:
    """Verify the whole record. `later` takes arguments that newer senders may add."""
    audit_verify.run(verification=verification, by=by)


@shared_task(name=audit_retention.TASK, ignore_result=True)
def apply_retention(**later: object) -> None:
    """Let go what the policy says, as it is set for this worker."""
    audit_retention.apply(audit_retention.policy(), by="system", now=timezone.now())


@shared_task(name=audit_index.TASK, ignore_result=True)
def index_audit(**later: object) -> None:
    """Read the log on into what the Audit page searches."""
    audit_index.catch_up()
