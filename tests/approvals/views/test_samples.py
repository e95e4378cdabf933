"""The page of samples: what the policy allowed and nobody looked at, what was found, and by whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals.models import Sample
from tests.approvals.services.test_samples import allowed_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(reviewer: Any, operator: Any) -> Client:
    client = Client()
    client.force_login(reviewer)
    return client


def test_an_allowed_action_waits_for_a_look_and_is_found_fine_or_wrong(at: Client) -> None:
    allowed_run()
    sample = Sample.objects.get()
    assert f'id="sample-{sample.pk}"' in at.get("/samples/").text
    assert "Sampled" in at.get("/inbox/").text

    refused = at.post("/samples/", {"sample": sample.pk, "finding": "wrong"})
    assert refused.status_code == 422
    assert "Say what was wrong" in refused.text

    said = at.post(
        "/samples/", {"sample": sample.pk, "finding": "wrong", "note": "<b>Nobody</b> asked"}, follow=True
    )
    assert "Nothing waits for a look" in said.text
    seen = at.get("/samples/?seen=1").text
    assert "&lt;b&gt;Nobody" in seen
    assert "by reviewer" in seen

    again = at.post("/samples/", {"sample": sample.pk, "finding": "fine"})
    assert again.status_code == 422
    assert "reviewer looked at this action already and found it wrong" in again.text


@pytest.mark.parametrize(
    "sent", [{}, {"finding": "fine"}, {"sample": "x", "finding": "fine"}, {"finding": "maybe"}]
)
def test_an_incomplete_answer_writes_nothing(at: Client, sent: dict[str, str]) -> None:
    allowed_run()
    assert at.post("/samples/", sent).status_code == 422
    assert Sample.objects.get().finding == ""


def test_who_does_not_decide_reads_and_writes_nothing(operator: Any) -> None:
    allowed_run()
    client = Client()
    client.force_login(operator)
    assert "It was fine" not in client.get("/samples/").text
    answer = client.post("/samples/", {"sample": Sample.objects.get().pk, "finding": "fine"})
    assert answer.status_code == 403
