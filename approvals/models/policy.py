"""Published policies as rows of the policy streams, drafts of them, and the allowed actions that are reviewed afterwards."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class PolicyRevision(models.Model):
    """The parameters of one published policy. The newest revision of a slug is the one that assesses."""

    slug = models.TextField()
    revision = models.IntegerField()
    title = models.TextField()
    digest = models.TextField()
    parameters = models.TextField()
    published_by = models.TextField()
    published_at = models.DateTimeField()
    notes = models.TextField()

    class Meta:
        permissions = [("publish_policy", "May publish policies")]
        constraints = [models.UniqueConstraint(fields=["slug", "revision"], name="policy_revision_once")]

    def __str__(self) -> str:
        return f"{self.slug} revision {self.revision}"


class PolicyDraft(models.Model):
    """What somebody has written of a policy and not published. It decides nothing, so it is no fact of the log."""

    slug = models.TextField(primary_key=True)
    started_from = models.IntegerField()
    parameters = models.TextField()
    saved_by = models.TextField()
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.slug}, a draft"


class Sample(models.Model):
    """An allowed action that a reviewer looks at afterwards. `finding` is empty until somebody did."""

    id = models.UUIDField(primary_key=True)
    run = models.UUIDField()
    action = models.TextField()
    tool = models.TextField()
    agent = models.TextField()
    workflow = models.TextField()
    sentence = models.TextField()
    policy = models.TextField()
    policy_revision = models.IntegerField()
    rule = models.TextField()
    explanation = models.TextField()
    taken_at = models.DateTimeField()
    finding = models.TextField()
    note = models.TextField()
    reviewed_by = models.TextField()
    reviewed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(finding__in=["", "fine", "wrong"]), name="sample_finding"),
            models.CheckConstraint(
                condition=Q(finding="", reviewed_at__isnull=True)
                | (~Q(finding="") & Q(reviewed_at__isnull=False) & ~Q(reviewed_by="")),
                name="sample_reviewed_by_somebody",
            ),
            models.CheckConstraint(condition=~Q(finding="wrong") | ~Q(note=""), name="sample_wrong_has_note"),
        ]
        indexes = [models.Index(fields=["-taken_at"], name="sample_open", condition=Q(finding=""))]

    def __str__(self) -> str:
        return self.sentence
