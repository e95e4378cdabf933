"""Published policies: immutable revisions, as rows of the policy streams that published them."""

from __future__ import annotations

from django.db import models


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
        constraints = [models.UniqueConstraint(fields=["slug", "revision"], name="policy_revision_once")]

    def __str__(self) -> str:
        return f"{self.slug} revision {self.revision}"
