"""Notices follow the log: who is told of what, once, whatever place the log is read from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from approvals.domain.notices import Preference
from approvals.models import ApprovalRequest, Notice, NoticePlace
from approvals.services import break_glass, deadlines, revocations, silence
from approvals.services.notifications import preferences
from orchestrator import engine
from orchestrator.domain import commands as c
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.approvals.notifications.reading import gather
from tests.approvals.rows import move_deadline, unguarded

pytestmark = pytest.mark.django_db(transaction=True)
Told = Callable[..., list[tuple[str, str, str, str]]]
People = dict[str, Any]


def sent() -> None:
    """As if what waits had been delivered."""
    Notice.objects.filter(state="waiting").update(state="sent", message="<m@desk>", ended_at=timezone.now())


def names(rows: list[tuple[str, str, str, str]], kind: str) -> set[str]:
    return {to for said, to, _, _ in rows if said == kind}


def test_those_who_may_answer_are_asked_once_over_each_channel(people: People, told: Told) -> None:
    run = runs.held_run()
    rows = told()
    assert rows == [
        ("opened", "reviewer", "mail", "waiting"),
        ("opened", "reviewer", "browser", "waiting"),
        ("opened", "reviewer2", "mail", "waiting"),
        ("opened", "reviewer2", "browser", "waiting"),
    ]
    assert Notice.objects.filter(request=runs.request_of(run).pk).count() == 4
    # Read again from an older place, as after a restored back-up: nobody is told twice.
    NoticePlace.objects.update(tx=0, stream="00000000-0000-0000-0000-000000000000", seq=0)
    assert told() == rows


def test_whoever_is_part_of_the_action_or_gone_is_not_asked(people: People, told: Told) -> None:
    people["reviewer2"].is_active = False
    people["reviewer2"].save()
    runs.held_run(by="reviewer")
    assert names(told(), "opened") == set()
    assert names(told(), "escalated") == {"admin"}


def test_what_happened_before_there_was_a_reader_is_told_to_nobody(
    operator: Any, admin: Any, reviewer: Any, told: Told
) -> None:
    runs.held_run()
    assert told() == []
    assert NoticePlace.objects.count() == 1


def test_a_decision_is_told_to_who_was_told_and_to_who_started(people: People, told: Told) -> None:
    run = runs.held_run()
    told()
    Notice.objects.filter(to="reviewer").update(state="sent", message="<m@desk>", ended_at=timezone.now())
    reject(runs.request_of(run), people["reviewer"], "wrong IBAN")
    rows = told(kind="decided", channel="mail")
    assert [(to, state) for _, to, _, state in rows] == [("operator", "waiting"), ("reviewer", "waiting")]
    notice = Notice.objects.filter(kind="decided").first()
    assert (notice.by, notice.reason) == ("reviewer", "wrong IBAN")


def test_reminders_and_escalations_reach_those_they_name(people: People, told: Told) -> None:
    run = runs.held_run()
    request = runs.request_of(run)
    now = timezone.now()
    ApprovalRequest.objects.filter(pk=request.pk).update(remind_at=now, escalate_at=now)
    assert silence.speak_up(timezone.now()) == 2
    rows = told()
    assert names(rows, "reminded") == {"reviewer", "reviewer2"}
    assert names(rows, "escalated") == {"admin"}


def test_an_end_without_an_answer_is_told_too(people: People, told: Told) -> None:
    run = runs.held_run()
    told()
    sent()
    move_deadline(runs.request_of(run), decide_by=timezone.now())
    deadlines.expire_due(timezone.now())
    assert names(told(), "expired") == {"operator", "reviewer", "reviewer2"}


def test_a_revoked_approval_is_told_to_who_was_asked(people: People, told: Told) -> None:
    run = runs.held_run()
    told()
    sent()
    approve(runs.request_of(run), people["reviewer"])
    told()
    revocations.revoke(
        request=str(runs.request_of(run).pk), by=people["reviewer"], reason="a mistake", now=timezone.now()
    )
    assert names(told(), "revoked") == {"operator", "reviewer", "reviewer2"}


def test_breaking_the_glass_is_told_to_every_administrator_at_once(
    people: People, told: Told, django_user_model: Any
) -> None:
    from django.contrib.auth.models import Group

    chief = django_user_model.objects.create(username="chief")
    chief.groups.add(Group.objects.get(name="admin"))
    preferences.save(
        subject="chief",
        wants=Preference(mail=(), browser=(), quiet_from=dt.time(0), quiet_until=dt.time(23, 59)),
    )
    request = runs.request_of(runs.held_run())
    break_glass.call(
        request=str(request.pk),
        by=chief,
        reason="the bank closes",
        seen_digest=request.digest,
        seen_version=request.version,
        seen_call="",
        now=timezone.now(),
    )
    assert names(told(), "break_glass") == {"admin", "chief"}
    assert set(Notice.objects.filter(kind="break_glass").values_list("via", flat=True)) == {"now"}


def test_a_run_that_failed_for_want_of_an_answer_is_told_to_operators(people: People, told: Told) -> None:
    run = runs.start()
    turn = next(iter(runs.state_of(run).turns.values()))
    for _ in range(12):
        state = runs.state_of(run)
        if not state.turns:
            break
        turn = next(iter(state.turns.values()))
        engine.submit(
            run,
            c.RecordTurnFailure(
                actor="system", at=runs.now(), turn=turn.id, retry="contract", text="no JSON"
            ),
        )
    assert "run.paused" in runs.types_of(run) or "run.failed" in runs.types_of(run)
    rows = told(run=run)
    assert {(to, channel) for _, to, channel, _ in rows} == {("operator", "mail"), ("operator", "browser")}
    assert {kind for kind, _, _, _ in rows} <= {"run_paused", "run_failed"}


def test_a_flood_of_one_agent_waits_for_its_window_and_the_critical_one_does_not(
    people: People, told: Told
) -> None:
    payments = [{**runs.PAYMENT, "payee": f"P{i}"} for i in range(4)]
    runs.held_run(*payments, {**runs.PAYMENT, "amount": "100000.00", "payee": "X"})
    told()
    mine = Notice.objects.filter(to="reviewer", channel="mail")
    assert sorted(mine.values_list("tier", "via")) == [
        ("critical", "now"),
        ("high", "now"),
        ("high", "window"),
        ("high", "window"),
        ("high", "window"),
    ]
    assert mine.filter(via="window").values("due_at").distinct().count() == 1


def test_ones_own_word_comes_before_the_groups_and_the_groups_before_the_default(people: People) -> None:
    quiet = Preference(quiet_from=dt.time(22), quiet_until=dt.time(7))
    preferences.save(subject="reviewer", wants=quiet, is_group=True)
    preferences.save(subject="reviewer2", wants=Preference(mail=("critical",)))
    found = preferences.reachable(["reviewer", "reviewer2", "admin"])
    assert found["reviewer"].preference == quiet
    assert found["reviewer2"].preference.mail == ("critical",)
    assert found["admin"].preference == Preference()
    with pytest.raises(preferences.UnreadableTimes):
        preferences.save(subject="reviewer", wants=Preference(quiet_from=dt.time(22)))


def test_one_event_that_cannot_be_told_keeps_no_other_from_being_told(people: People, told: Told) -> None:
    broken, whole = runs.held_run(), runs.held_run()
    request = runs.request_of(broken)
    with unguarded():
        ApprovalRequest.objects.filter(pk=request.pk).update(opened="{}")
    told()
    found = set(Notice.objects.values_list("request", flat=True))
    assert found == {runs.request_of(whole).pk}
    assert gather() == 0
