"""The approval request: one row is the authority on whether a held action was decided, and how."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import MD5

from approvals.domain.requests import STATES
from approvals.domain.terms import TIERS

# What makes requests of one agent and tool alike: their target, else the very same call. Hashed, because an index holds it
# and a target may be long.
KIND = MD5(Case(When(target="", then=F("digest")), default=F("target")))


class ApprovalRequest(models.Model):
    """A held action before people. `digest` seals what they are shown; `version` counts its steps.

    `opened` is the canonical JSON of everything frozen when it opened. `levels` and `excluded` are kept beside it
    so that lists can be filtered by them; `target`, `amount` and `currency` so that a request can be compared with
    earlier ones. `open_groups` are those whose answer is wanted now. `rank` orders tiers, the most urgent
    first. `questions` and `calls` (of the two people who broke the glass) are lists as the record has them.
    """

    id = models.UUIDField(primary_key=True)
    run = models.UUIDField()
    action = models.TextField()
    revision = models.IntegerField()
    digest = models.TextField()
    status = models.TextField()
    version = models.IntegerField()
    tier = models.TextField()
    rank = models.SmallIntegerField()
    tool = models.TextField()
    agent = models.TextField()
    workflow = models.TextField()
    sentence = models.TextField()
    target = models.TextField()
    amount = models.DecimalField(max_digits=30, decimal_places=12, null=True)
    currency = models.TextField()
    rule = models.TextField()
    explanation = models.TextField()
    policy = models.TextField()
    policy_revision = models.IntegerField()
    levels = models.JSONField()
    open_groups = ArrayField(models.TextField())
    excluded = models.JSONField()
    opened = models.TextField()
    opened_at = models.DateTimeField()
    decide_by = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.TextField()
    reason = models.TextField()
    execute_by = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()
    remind_at = models.DateTimeField()
    escalate_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)
    fault = models.TextField()
    questions = models.JSONField()
    calls = models.JSONField()
    is_break_glass = models.BooleanField()

    class Meta:
        permissions = [
            ("sign_off", "May approve and reject held actions"),
            ("break_glass", "May release a held action past the quorum, with a second person"),
            ("manage_grants", "May make, approve and revoke standing grants"),
            ("oversee_reviews", "May see how everybody reviews, and plant canaries"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "action", "revision"], name="request_once"),
            models.CheckConstraint(condition=Q(status__in=STATES), name="request_status"),
            models.CheckConstraint(condition=Q(tier__in=TIERS), name="request_tier"),
            models.CheckConstraint(
                condition=Q(status="pending", decided_at__isnull=True)
                | (~Q(status="pending") & Q(decided_at__isnull=False)),
                name="request_decided_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved") | (Q(execute_by__isnull=False) & ~Q(decided_by="")),
                name="request_approved_has_clock",
            ),
            # Two requests of one action are never open together, so a person cannot decide an older one.
            models.UniqueConstraint(
                fields=["run", "action"],
                condition=Q(status__in=["pending", "approved"]),
                name="request_one_open",
            ),
        ]
        indexes = [
            models.Index(fields=["rank", "decide_by"], name="request_pending", condition=Q(status="pending")),
            models.Index(
                fields=["remind_at"],
                name="request_to_remind",
                condition=Q(status="pending", reminded_at__isnull=True),
            ),
            models.Index(
                fields=["escalate_at"],
                name="request_to_escalate",
                condition=Q(status="pending", escalated_at__isnull=True),
            ),
            models.Index(
                fields=["-decided_at"], name="request_break_glass", condition=Q(is_break_glass=True)
            ),
            models.Index(fields=["-decided_at"], name="request_decided"),
            models.Index(fields=["digest"], name="request_same"),
            models.Index(
                "tool",
                "agent",
                "rank",
                KIND,
                "decide_by",
                "opened_at",
                "id",
                name="request_kind",
                condition=Q(status="pending"),
            ),
            models.Index(fields=["tool", "currency", "-opened_at"], name="request_alike"),
            models.Index(fields=["-opened_at"], name="request_latest"),
            # Whether a target was asked for before. Hashed, because it may be longer than another index holds.
            HashIndex(fields=["target"], name="request_of_target"),
        ]

    def __str__(self) -> str:
        return self.sentence
