"""Sign-offs: who answered what, and what they were shown. Rows are added; all that changes is that one is taken back."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class SignOff(models.Model):
    """One reviewer's answer to one request. A trigger refuses to change or remove it, but for being taken back."""

    request = models.ForeignKey(
        "approvals.ApprovalRequest", on_delete=models.PROTECT, related_name="sign_offs"
    )
    number = models.IntegerField()
    reviewer = models.TextField()
    acting_for = models.TextField()
    retracted_at = models.DateTimeField(null=True)
    role = models.TextField()
    groups = models.JSONField()
    verb = models.TextField()
    reason = models.TextField()
    seen_digest = models.TextField()
    seen_version = models.IntegerField()
    opened_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="sign_off_number"),
            models.UniqueConstraint(
                fields=["request", "reviewer"], condition=Q(retracted_at__isnull=True), name="sign_off_once"
            ),
            models.CheckConstraint(condition=Q(verb__in=["approve", "reject"]), name="sign_off_verb"),
            models.CheckConstraint(
                condition=~Q(verb="reject") | ~Q(reason=""), name="sign_off_reject_has_reason"
            ),
        ]
        indexes = [models.Index(fields=["reviewer", "-decided_at"], name="sign_off_of_reviewer")]

    def __str__(self) -> str:
        return f"{self.reviewer}: {self.verb}"
