"""Samples: take an allowed action for a look afterwards, and write down what a reviewer found."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from django.db import IntegrityError, transaction

from approvals import projections
from approvals.domain import samples, sentence, terms
from approvals.domain.visible import visible
from approvals.models import Sample
from orchestrator.domain import errors
from orchestrator.ports import ActionFacts
from orchestrator.services import journal


class NoteMissing(errors.Refused):
    """Say what was wrong, so that the policy can be changed."""


class AlreadyReviewed(errors.Conflict):
    """Somebody looked at this action already."""


class UnknownSample(errors.NotFound):
    """There is no such sample. The link may be incomplete."""


def take(facts: ActionFacts, found: terms.Assessment, *, percent: int, now: dt.datetime) -> bool:
    """Take an allowed action as a sample if its digest says so; whether it is one. May be called again."""
    if found.decision != "allow" or not samples.is_taken(
        digest=facts.digest, run=facts.run, action=facts.action, percent=percent
    ):
        return False
    fact = samples.Taken(
        sample=samples.id_of(facts.run, facts.action),
        run=facts.run,
        action=facts.action,
        tool=visible(facts.tool.name),
        agent=facts.agent.slug,
        workflow=facts.workflow.slug,
        sentence=sentence.compose(facts.tool, facts.arguments).text,
        policy=found.policy,
        policy_revision=found.policy_revision,
        rule=found.rule,
        explanation=visible(found.explanation),
        at=now,
    )
    if Sample.objects.filter(pk=fact.sample).exists():
        return True
    try:
        with transaction.atomic():
            Sample.objects.create(**_columns(None, fact))
            _record(fact, by="system", now=now)
    except (IntegrityError, errors.Conflict):
        # Another assessment of the same action took it at the same moment.
        return True
    return True


def review(*, sample: str, finding: str, note: str, by: Any, now: dt.datetime) -> None:
    """Write down what a reviewer found. Raises NoteMissing, AlreadyReviewed, UnknownSample."""
    if finding not in ("fine", "wrong"):
        raise errors.Refused("Say whether the action was fine or wrong.")
    note = visible(note.strip()[:2000])
    if finding == "wrong" and not note:
        raise NoteMissing()
    with transaction.atomic():
        row = Sample.objects.select_for_update().filter(pk=sample).first()
        if row is None:
            raise UnknownSample()
        if row.finding:
            raise AlreadyReviewed(
                f"{row.reviewed_by} looked at this action already and found it {row.finding}."
            )
        name = by.get_username()
        fact = samples.Reviewed(sample=str(row.pk), person=name, finding=finding, note=note, at=now)  # type: ignore[arg-type]  # looked at above
        Sample.objects.filter(pk=row.pk).update(finding=finding, note=note, reviewed_by=name, reviewed_at=now)
        _record(fact, by=f"user:{name}", now=now)


def _record(fact: samples.Fact, *, by: str, now: dt.datetime) -> None:
    payload = msgspec.json.decode(samples.encode(fact))
    journal.record(kind="policy", stream=fact.sample, facts=[(fact.TYPE, payload)], by=by, now=now)


def _columns(before: samples.Sample | None, fact: samples.Fact) -> dict[str, Any]:
    after = samples.evolve(before, fact)
    assert after is not None
    return projections.sample_columns(after)
