"""A decision that is rolled back leaves nothing behind: no row, no event, and no memory of either."""

from __future__ import annotations

import contextlib

import pytest
from django.db import transaction
from django.utils import timezone

from approvals.models import SignOff
from approvals.services import sign_offs
from config.models import User
from config.roles import ensure_roles
from tests.approvals import runs

pytestmark = pytest.mark.django_db(transaction=True)


class Unplugged(Exception):
    """The power went before the commit."""


def test_what_was_rolled_back_can_be_decided_again():
    from django.contrib.auth.models import Group

    ensure_roles()
    reviewer = User.objects.create(username="reviewer")
    reviewer.groups.add(Group.objects.get(name="reviewer"))
    run = runs.held_run()
    request = runs.request_of(run)

    def approve() -> sign_offs.Answered:
        return sign_offs.sign_off(
            request=str(request.id),
            by=reviewer,
            verb="approve",
            seen_digest=request.digest,
            seen_version=1,
            now=timezone.now(),
        )

    with contextlib.suppress(Unplugged), transaction.atomic():
        approve()
        assert runs.status_of(run) == "released"
        raise Unplugged

    assert (runs.status_of(run), SignOff.objects.count()) == ("held", 0)
    assert runs.types_of(str(request.id)) == ["request.opened"]
    assert approve().status == "approved"
    assert runs.status_of(run) == "released"
