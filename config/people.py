"""People: the user model. It belongs to no app, so that every app may point at it by its string."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest


class User(AbstractUser):
    """A person. What they may do comes from their groups: operator, reviewer, admin."""

    class Meta(AbstractUser.Meta):
        db_table = "config_user"

    def __str__(self) -> str:
        return self.get_full_name() or self.username


def signed_in(request: HttpRequest) -> User:
    """Who is signed in, in a view that lets nobody else in."""
    assert isinstance(request.user, User)
    return request.user
