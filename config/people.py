"""People: the user model. It belongs to no app, so that every app may point at it by its string."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person. What they may do comes from their groups: operator, reviewer, admin."""

    class Meta(AbstractUser.Meta):
        db_table = "config_user"

    def __str__(self) -> str:
        return self.get_full_name() or self.username
