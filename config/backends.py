"""Who is signed in, with what they may do, read in one prepared statement.

Django reads a person, their own permissions and those of their groups in three statements that the ORM builds anew for
each page, answer and heartbeat of a socket: it was a third of what a sign-off takes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from config.people import User
from orchestrator import sql


class Backend(AuthenticationBackend):
    """Names and passwords as allauth checks them, permissions as Django means them."""

    def get_user(self, user_id: Any) -> User | None:
        """The person of a session, with their permissions of this moment. None when there is nobody, or when they
        were deactivated."""
        rows = sql.run(_text(), [int(user_id)])
        if not rows:
            return None
        *values, permissions = rows[0]
        person: User = User.from_db("default", [field.attname for field in _fields()], values)
        if not self.user_can_authenticate(person):
            return None
        if not person.is_superuser:
            # Where Django's own backends look before they ask the database.
            person._perm_cache = set(permissions)  # type: ignore[attr-defined]  # no attribute that Django declares
        return person


def _fields() -> list[Any]:
    return list(User._meta.concrete_fields)


@cache
def _text() -> str:
    columns = ", ".join(f'u."{field.column}"' for field in _fields())
    own = User.user_permissions.through._meta.db_table
    groups, by_group = User.groups.through._meta.db_table, Group.permissions.through._meta.db_table
    return (
        f"SELECT {columns}, ARRAY("
        f"SELECT c.app_label || '.' || p.codename FROM \"{Permission._meta.db_table}\" p "
        f'JOIN "{ContentType._meta.db_table}" c ON c.id=p.content_type_id WHERE p.id IN ('
        f'SELECT permission_id FROM "{own}" WHERE user_id=u.id UNION ALL '
        f'SELECT b.permission_id FROM "{by_group}" b JOIN "{groups}" g ON g.group_id=b.group_id WHERE g.user_id=u.id)) '
        f'FROM "{User._meta.db_table}" u WHERE u.id=$1::int8'
    )
