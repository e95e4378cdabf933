"""Publishing policies, and that a policy nobody published lets nothing through."""

from __future__ import annotations

import msgspec
import pytest
from django.utils import timezone

from approvals.domain import shipped, terms
from approvals.models import PolicyRevision
from approvals.services import policies
from orchestrator import eventlog
from orchestrator.services import journal
from tests.approvals import runs

pytestmark = pytest.mark.django_db
replace = msgspec.structs.replace


def test_the_shipped_policies_apply_before_they_are_published_and_are_published_once():
    assert policies.find_policy("strict") == terms.STRICT
    assert policies.find_policy("balanced") == shipped.BALANCED

    policies.ensure_shipped(now=timezone.now())
    policies.ensure_shipped(now=timezone.now())

    rows = PolicyRevision.objects.order_by("slug")
    assert [(row.slug, row.revision, row.published_by) for row in rows] == [
        ("balanced", 1, "system"),
        ("floor", 1, "system"),
        ("strict", 1, "system"),
    ]
    assert policies.find_policy("strict") == replace(terms.STRICT, revision=1)
    (event,) = eventlog.events_after(journal.stream_for("policy", "strict"), 0)
    assert event.type == "policy.published"


def test_a_changed_policy_is_the_next_revision(admin):
    policies.ensure_shipped(now=timezone.now())

    changed = policies.publish_policy(
        policy=replace(terms.STRICT, title="Stricter"), by=admin, now=timezone.now()
    )

    assert (changed.revision, policies.find_policy("strict").title) == (2, "Stricter")
    assert PolicyRevision.objects.get(revision=2).published_by == "admin"


def test_what_an_administrator_made_of_a_shipped_policy_stays(admin):
    policies.ensure_shipped(now=timezone.now())
    policies.publish_policy(policy=replace(terms.STRICT, title="Ours"), by=admin, now=timezone.now())

    policies.ensure_shipped(now=timezone.now())

    assert policies.find_policy("strict").title == "Ours"


@pytest.mark.parametrize("levels", [(), (terms.Level(name="nobody", group="reviewer", need=0),)])
def test_a_quorum_that_asks_for_nobody_is_not_published(admin, levels):
    with pytest.raises(policies.UnreachableQuorum):
        policies.publish_policy(policy=replace(terms.STRICT, levels=levels), by=admin, now=timezone.now())


@pytest.mark.parametrize(
    ("tool", "arguments"), [("tests.pay", runs.PAYMENT), ("tests.note", {"text": "hello"})]
)
def test_a_workflow_that_names_an_unknown_policy_has_everything_held(operator, tool, arguments):
    run = runs.start(spec=replace(runs.SPEC, policy="relaxed"))
    runs.propose(run, arguments, tool=tool)

    runs.work(run)

    request = runs.request_of(run)
    assert (request.status, request.rule, request.policy) == ("pending", "hold.unknown_policy", "strict")


def test_an_unknown_policy_does_not_weaken_what_the_scope_refuses(operator):
    run = runs.held_run({**runs.PAYMENT, "amount": "900000.00"}, spec=replace(runs.SPEC, policy="relaxed"))

    assert runs.status_of(run) == "refused"
