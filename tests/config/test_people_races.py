"""Two administrators at once: whoever is second waits for the first, and is told what became of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from config import groups, staff
from config.models import User
from orchestrator.domain import errors

pytestmark = pytest.mark.django_db(transaction=True)


def second(deed: Callable[[], Any], said: list[Any]) -> threading.Thread:
    """Starts `deed` beside this one and returns when it waits for a lock."""

    def run() -> None:
        try:
            said.append(deed())
        except errors.CountersignError as error:
            said.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[0]:
                break
        thread.join(0.01)
    return thread


def test_whoever_is_put_into_a_group_that_is_being_retired_is_in_no_group(
    admin: User, reviewer: User
) -> None:
    common: dict[str, Any] = {"by": admin, "now": timezone.now()}
    groups.create_group(name="finance", **common)
    said: list[Any] = []
    with transaction.atomic():
        groups.retire_group(name="finance", **common)
        thread = second(lambda: groups.set_groups(username="reviewer", groups=["finance"], **common), said)
    thread.join()
    assert isinstance(said[0], staff.Unacceptable)
    assert staff.find_person("reviewer").groups == []


def test_two_administrators_do_not_deactivate_each_other(admin: User, operator: User) -> None:
    staff.set_roles(username="operator", roles=["admin"], by=admin, now=timezone.now())
    said: list[Any] = []
    with transaction.atomic():
        staff.set_active(username="operator", is_active=False, by=admin, now=timezone.now())
        thread = second(
            lambda: staff.set_active(username="admin", is_active=False, by=operator, now=timezone.now()), said
        )
    thread.join()
    assert isinstance(said[0], staff.LastAdministrator)
    assert User.objects.filter(is_active=True, groups__name="admin").count() == 1
