"""Publishing: revisions are immutable, named by their digest, owned by a person, and taken once."""

from __future__ import annotations

import threading

import msgspec
import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from msgspec.structs import replace

from orchestrator import eventlog, models
from orchestrator.domain import errors, ids, soundness
from orchestrator.domain.specs import Limit, Scope, StageSpec
from orchestrator.kinds import ChangedMeanwhile
from orchestrator.queries.published import find_agent, find_tool, find_workflow
from orchestrator.services import catalogue
from tests.orchestrator.catalogue import AGENT, PAY, WORKFLOW, publish

pytestmark = pytest.mark.django_db


def test_a_revision_stays_as_it_was_published_when_another_follows(admin: object) -> None:
    publish()
    before = models.AgentRevision.objects.get(pk="payer@1").spec
    second = catalogue.publish_agent(
        spec=replace(AGENT, notes="Slower."), by="admin", now=timezone.now(), expected=1
    )
    assert second.revision == 2
    assert models.AgentRevision.objects.get(pk="payer@1").spec == before
    first = find_agent("payer", 1)
    assert first is not None
    assert first.notes == ""
    newest = find_agent("payer")
    assert newest is not None
    assert newest.notes == "Slower."


def test_the_digest_covers_what_a_spec_says_and_not_its_number(admin: object) -> None:
    first = catalogue.publish_tool(spec=PAY, by="admin", now=timezone.now())
    changed = catalogue.publish_tool(
        spec=replace(PAY, description="Pays now."), by="admin", now=timezone.now()
    )
    back = catalogue.publish_tool(spec=PAY, by="admin", now=timezone.now())
    assert (first.version, changed.version, back.version) == (1, 2, 3)
    assert first.digest == back.digest != changed.digest


def test_publishing_the_same_again_is_refused_and_changes_nothing(admin: object) -> None:
    publish()
    with pytest.raises(catalogue.NothingChanged):
        catalogue.publish_agent(spec=AGENT, by="admin", now=timezone.now())
    assert models.AgentRevision.objects.filter(agent_id="payer").count() == 1


def test_what_was_written_out_and_is_the_default_is_the_same_again(admin: object) -> None:
    publish()
    read = msgspec.json.decode(
        msgspec.json.encode({**msgspec.to_builtins(AGENT), "budget": {"output_tokens": 8192, "turns": 3}}),
        type=type(AGENT),
    )
    assert read == AGENT
    assert msgspec.json.encode(read) != msgspec.json.encode(AGENT)
    with pytest.raises(catalogue.NothingChanged):
        catalogue.publish_agent(spec=read, by="admin", now=timezone.now())


def test_each_publication_is_an_event_by_the_person_who_made_it(admin: object) -> None:
    publish()
    recorded = eventlog.events_after(ids.from_key("agent", "payer"), 0)
    assert [(event.type, event.actor) for event in recorded] == [("agent.published", "user:admin")]


@pytest.mark.parametrize("owner", ["", "nobody-here"])
def test_an_agent_needs_an_active_person_as_its_owner(admin: object, owner: str) -> None:
    with pytest.raises(catalogue.NoOwner):
        catalogue.publish_agent(spec=replace(AGENT, owner=owner), by="admin", now=timezone.now())
    assert not models.Agent.objects.exists()


@pytest.mark.parametrize("table", ["orchestrator_agent", "orchestrator_workflow"])
def test_an_empty_owner_is_refused_by_the_database_itself(admin: object, table: str) -> None:
    publish()
    with (
        pytest.raises(IntegrityError, match="has_owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE {table} SET owner = ''")


def test_who_started_from_an_older_revision_is_told_that_somebody_published(admin: object) -> None:
    publish()
    catalogue.publish_agent(spec=replace(AGENT, notes="One."), by="admin", now=timezone.now(), expected=1)
    with pytest.raises(ChangedMeanwhile):
        catalogue.publish_agent(spec=replace(AGENT, notes="Two."), by="admin", now=timezone.now(), expected=1)
    newest = find_agent("payer")
    assert newest is not None
    assert (newest.revision, newest.notes) == (2, "One.")


def test_a_workflow_pins_the_newest_revisions_of_its_agents_and_their_tools(admin: object) -> None:
    publish()
    catalogue.publish_agent(spec=replace(AGENT, notes="New."), by="admin", now=timezone.now())
    pinned = find_workflow("paying")
    assert pinned is not None
    assert pinned.agents["payer"].revision == 1
    again = catalogue.publish_workflow(spec=WORKFLOW, by="admin", now=timezone.now(), expected=1)
    assert (again.revision, again.agents["payer"].revision) == (2, 2)
    assert set(again.tools) == {"tests.pay", "tests.look"}


def test_an_assumption_without_a_reason_keeps_a_workflow_from_being_published(admin: object) -> None:
    publish()
    unanswered = replace(WORKFLOW, slug="other", assumptions=WORKFLOW.assumptions[1:])
    with pytest.raises(catalogue.Unanswered) as refused:
        catalogue.publish_workflow(spec=unanswered, by="admin", now=timezone.now())
    assert refused.value.ids == ["steps-known"]


def test_an_assumption_that_the_system_finds_unmet_is_published_with_its_reason_and_shown(
    admin: object,
) -> None:
    publish()
    bare = StageSpec(name="pay", agent="payer")
    published = catalogue.publish_workflow(
        spec=replace(WORKFLOW, slug="bare", stages=(bare,)), by="admin", now=timezone.now()
    )
    assert [answer.id for answer in catalogue.unmet(published)] == ["stages-validated"]
    assert "Nothing validates the output of: pay" in catalogue.unmet(published)[0].finding


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stages": ()}, "at least one stage"),
        ({"stages": (StageSpec(name="pay", agent="missing"),)}, "does not have"),
        ({"stages": (StageSpec(name="pay", agent="payer", inputs={"x": "later.y"}),)}, "only 'run"),
        ({"slug": "Not A Slug"}, "small letters"),
        ({"slug": "new"}, "taken"),
        ({"name": "Pay\u202eing"}, "U+202E"),
        ({"input_schema": {"type": "nonsense"}}, "JSON Schema"),
    ],
)
def test_an_unsound_workflow_is_refused_with_the_reason(admin: object, change: dict, words: str) -> None:
    publish()
    with pytest.raises(catalogue.NotRunnable, match="(?i)" + words.replace("+", r"\+")):
        catalogue.publish_workflow(
            spec=replace(WORKFLOW, **{"slug": "other", **change}), by="admin", now=timezone.now()
        )


def test_an_agent_that_may_use_an_undeclared_tool_cannot_enter_a_workflow(admin: object) -> None:
    publish(agent=AGENT)
    wild = replace(AGENT, slug="wild", scope=Scope(tools=("tests.unknown",)))
    catalogue.publish_agent(spec=wild, by="admin", now=timezone.now())
    stage = StageSpec(name="pay", agent="wild")
    with pytest.raises(catalogue.NotRunnable, match="not declared"):
        catalogue.publish_workflow(
            spec=replace(WORKFLOW, slug="other", stages=(stage,)), by="admin", now=timezone.now()
        )


def test_a_retired_agent_cannot_enter_a_workflow_until_it_is_published_again(admin: object) -> None:
    publish()
    catalogue.retire_agent(slug="payer", reason="Replaced.", by="admin", now=timezone.now())
    with pytest.raises(catalogue.NotRunnable):
        catalogue.publish_workflow(spec=replace(WORKFLOW, slug="other"), by="admin", now=timezone.now())
    catalogue.publish_agent(spec=replace(AGENT, notes="Back."), by="admin", now=timezone.now())
    assert catalogue.publish_workflow(spec=replace(WORKFLOW, slug="other"), by="admin", now=timezone.now())


def test_retiring_needs_a_reason_and_something_to_retire(admin: object) -> None:
    publish()
    with pytest.raises(errors.Refused, match="why"):
        catalogue.retire_workflow(slug="paying", reason=" ", by="admin", now=timezone.now())
    with pytest.raises(errors.NotFound):
        catalogue.retire_workflow(slug="nothing", reason="x", by="admin", now=timezone.now())


def test_the_stored_spec_is_the_spec(admin: object) -> None:
    publish()
    stored = models.WorkflowRevision.objects.get(pk="paying@1")
    assert msgspec.json.decode(stored.spec, type=type(WORKFLOW)) == find_workflow("paying")
    assert find_tool("tests.pay") == replace(PAY, version=1, digest=find_tool("tests.pay").digest)  # type: ignore[union-attr]


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_publish_at_once_one_is_told(admin: object) -> None:
    publish()
    outcomes: list[str] = []
    gate = threading.Barrier(8)

    def write(number: int) -> None:
        gate.wait(20)
        try:
            catalogue.publish_agent(
                spec=replace(AGENT, notes=f"By {number}."), by="admin", now=timezone.now(), expected=1
            )
            outcomes.append("published")
        except ChangedMeanwhile:
            outcomes.append("told")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["published"] + ["told"] * 7
    assert models.AgentRevision.objects.filter(agent_id="payer").count() == 2


def test_rolling_limits_in_one_currency_cover_the_same_hours() -> None:
    day = Limit(currency="EUR", rolling="1000.00", window_hours=24)
    month = Limit(currency="EUR", rolling="10000.00", window_hours=720)
    scope = replace(AGENT.scope, limits=(day, month))
    found = [fault.field for fault in soundness.agent_faults(replace(AGENT, scope=scope))]
    assert "limits" in found
