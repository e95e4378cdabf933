"""Rows of runs, turns and actions: the log's shadow, for lists, searches and constraints."""

from __future__ import annotations

from django.contrib.postgres.indexes import HashIndex
from django.db import models

from orchestrator.models.stream import KeyField


class Run(models.Model):
    """One execution of a workflow. `state` adds "waiting" to the log's words: nothing moves until a person acts."""

    id = models.UUIDField(primary_key=True)
    workflow = models.TextField()
    workflow_name = models.TextField()
    workflow_revision = models.IntegerField()
    pattern = models.TextField()
    title = models.TextField()
    state = models.TextField()
    waits_for = models.TextField()
    reason = models.TextField()
    is_fault = models.BooleanField()
    stage = models.TextField()
    stages_passed = models.IntegerField()
    stages_total = models.IntegerField()
    started_by = models.TextField()
    on_behalf_of = models.TextField()
    owner = models.TextField()
    started_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    head = models.BigIntegerField()
    turns = models.IntegerField()
    actions = models.IntegerField()
    held = models.IntegerField()
    executed = models.IntegerField()
    refused = models.IntegerField()
    failed = models.IntegerField()
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cost = models.DecimalField(max_digits=20, decimal_places=10)
    unpriced = models.IntegerField()

    class Meta:
        permissions = [
            ("start_run", "May start runs"),
            ("control_run", "May pause, resume and cancel runs, and settle what is unconfirmed"),
        ]
        indexes = [
            models.Index(fields=["-started_at"], name="run_latest"),
            models.Index(fields=["state", "-started_at"], name="run_by_state"),
        ]

    def __str__(self) -> str:
        return self.title or self.workflow_name


class Turn(models.Model):
    """One invocation of one agent."""

    id = KeyField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    turn = models.TextField()
    stage = models.TextField()
    agent = models.TextField()
    attempt = models.IntegerField()
    number = models.IntegerField()
    state = models.TextField()
    requested_seq = models.BigIntegerField()
    requested_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    feedback = models.TextField()
    note = models.TextField(db_default="")
    error = models.TextField(db_default="")
    outcome = models.TextField(db_default="")
    output = models.TextField(db_default="")
    model = models.TextField(db_default="")
    input_tokens = models.BigIntegerField(db_default=0)
    output_tokens = models.BigIntegerField(db_default=0)
    cost = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    milliseconds = models.IntegerField(db_default=0)


class Action(models.Model):
    """One intended effect on the world, sealed by its digest."""

    id = KeyField(primary_key=True)
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    action = models.TextField()
    turn = models.TextField()
    stage = models.TextField()
    agent = models.TextField()
    tool = models.TextField()
    tool_version = models.IntegerField()
    state = models.TextField()
    consequential = models.BooleanField()
    digest = models.TextField()
    arguments = models.TextField()
    target = models.TextField()
    amount = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    currency = models.TextField(null=True)
    person = models.TextField(null=True)
    reason = models.TextField()
    rule = models.TextField(db_default="")
    explanation = models.TextField(db_default="")
    tier = models.TextField(db_default="")
    request = models.TextField(db_default="")
    outcome = models.TextField(db_default="")
    assigned_to = models.TextField(db_default="")
    proposed_seq = models.BigIntegerField()
    proposed_at = models.DateTimeField()
    released_seq = models.BigIntegerField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        "proposed",
                        "allowed",
                        "held",
                        "released",
                        "claimed",
                        "executed",
                        "failed",
                        "unconfirmed",
                        "refused",
                        "voided",
                    ]
                ),
                name="action_state",
            ),
            # One of the gate's four locks: what was held is claimed or executed only with a release on the log.
            models.CheckConstraint(
                condition=models.Q(tier="")
                | models.Q(released_seq__isnull=False)
                | ~models.Q(state__in=["released", "claimed", "executed", "unconfirmed", "failed"]),
                name="action_held_needs_release",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "proposed_seq"], name="action_of_run"),
            models.Index(fields=["agent", "currency", "proposed_at"], name="action_totals"),
            models.Index(fields=["state"], name="action_state_idx"),
            models.Index(
                fields=["currency", "proposed_at"],
                name="action_spent",
                condition=models.Q(amount__isnull=False),
            ),
            # Targets are of any length, so they are found by their hash.
            HashIndex(fields=["target"], name="action_target"),
            models.Index(fields=["-proposed_at"], name="action_latest"),
        ]
