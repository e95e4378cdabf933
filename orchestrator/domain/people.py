"""A person as the apps know them: a name and what they may do.

Who that is belongs to the user model, which no app imports. Whether somebody is signed in at all is settled by the
views, before a service or a query is asked.
"""

from __future__ import annotations

from typing import Protocol


class Person(Protocol):
    """Whoever acts or looks. Every user of Django's is one."""

    def get_username(self) -> str: ...

    def has_perm(self, perm: str, /) -> bool: ...
