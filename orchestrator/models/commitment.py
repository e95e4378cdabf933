"""Rows of commitments: the log's shadow, for lists and for the look at whose time is over."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models

from orchestrator.models.run import Run
from orchestrator.models.stream import KeyField

# What its words are searched in: whole words without any language, found by their beginnings.
WORDS = SearchVector("creditor", "consequent", "antecedent", config="simple")


def _listed(*fields: str) -> list[str]:
    """A list over all runs walks its index from the newest, so a page costs the same however many there are."""
    return [*fields, "created_at", "id"]


class Commitment(models.Model):
    """What a debtor committed itself to. `premises` is a JSON list; `text` is what was said when it was settled."""

    id = KeyField(primary_key=True)
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    commitment = models.TextField()
    debtor = models.TextField()
    creditor = models.TextField()
    consequent = models.TextField()
    antecedent = models.TextField()
    premises = models.TextField()
    due = models.TextField()
    due_at = models.DateTimeField(null=True)
    state = models.TextField()
    text = models.TextField(db_default="")
    evidence = models.TextField(db_default="")
    created_seq = models.BigIntegerField()
    created_at = models.DateTimeField()
    settled_seq = models.BigIntegerField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["created", "discharged", "cancelled", "violated"]),
                name="commitment_state",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "created_seq"], name="commitment_of_run"),
            models.Index(fields=["due_at"], name="commitment_due", condition=models.Q(state="created")),
            models.Index(fields=_listed(), name="commitment_newest"),
            models.Index(fields=_listed("state"), name="commitment_by_state"),
            models.Index(fields=_listed("debtor"), name="commitment_by_debtor"),
            models.Index(fields=_listed("debtor", "state"), name="commitment_debtor_state"),
            models.Index(fields=_listed("run"), name="commitment_run_newest"),
            GinIndex(WORDS, name="commitment_words"),
        ]
