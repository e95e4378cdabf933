"""From an action on the run's page to its case: the link is there while it waits, and for whoever may see cases."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals.models import ApprovalRequest
from approvals.services import sign_offs
from tests.approvals import runs

pytestmark = pytest.mark.django_db


def page_of(run: str, person, query: str = "") -> str:  # type: ignore[no-untyped-def]
    client = Client()
    client.force_login(person)
    return client.get(f"/runs/{run}/actions/{query}").text


def case_url(request: ApprovalRequest) -> str:
    return reverse("approvals:case", args=[request.id])


def test_each_held_action_leads_to_its_own_case(operator, admin, reviewer):  # type: ignore[no-untyped-def]
    run = runs.held_run({**runs.PAYMENT, "payee": "first"}, {**runs.PAYMENT, "payee": "second"})
    for person in (operator, reviewer):
        page = page_of(run, person)
        assert page.count("Waiting for a decision") == 2
        for request in ApprovalRequest.objects.filter(run=run):
            assert page.count(case_url(request)) == 1
    client = Client()
    client.force_login(operator)
    assert client.get(case_url(runs.request_of(run))).status_code == 200


def test_an_answered_action_leads_to_the_request_that_was_answered(operator, admin, reviewer):  # type: ignore[no-untyped-def]
    run = runs.held_run(runs.PAYMENT)
    request = runs.request_of(run)
    sign_offs.sign_off(
        request=str(request.id),
        by=reviewer,
        verb="reject",
        reason="The goods came back",
        seen_digest=request.digest,
        seen_version=1,
        now=timezone.now(),
    )
    page = page_of(run, operator)
    assert "Waiting for a decision" not in page
    assert case_url(request) in page


def test_who_may_not_see_cases_is_offered_none(operator, admin, django_user_model):  # type: ignore[no-untyped-def]
    run = runs.held_run(runs.PAYMENT)
    watcher = django_user_model.objects.create_user("watcher")
    watcher.user_permissions.add(Permission.objects.get(codename="view_run"))
    page = page_of(run, watcher)
    assert "action-a1" in page
    assert "/inbox/" not in page
