"""The life of a request under random people, delegations, clocks and crashes, against a simple model of who may.

Each step is done through the services on the database and to the model; where the model says no, the service must
say no as well, and afterwards the rows, the run and the model tell the same story.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from approvals.domain import terms
from approvals.models import ApprovalRequest
from approvals.queries import requests as queries
from approvals.services import (
    break_glass,
    deadlines,
    delegations,
    edits,
    policies,
    rebuild,
    retractions,
    revocations,
    silence,
)
from config.models import User
from config.roles import ensure_roles
from orchestrator import eventlog
from orchestrator.domain import errors
from tests.approvals import model, runs
from tests.approvals.answers import approve, reject
from tests.approvals.rows import move_deadline, record_of_approvals

LIVES = int(os.environ.get("COUNTERSIGN_LIVES", "30"))
CHIEFS = ("chief1", "chief2")
LEVELS = tuple(
    terms.Level(name=group, group=group, need=need, order=order)
    for order, (group, need) in enumerate(model.LEVELS)
)
SELDOM = st.sampled_from((False, False, False, True))  # what ends most lives early
HANDED_OVER = st.tuples(
    st.sampled_from(model.PEOPLE), st.sampled_from(("deputy", "fay", "ron", "operator", "")), st.booleans()
)
ABOVE = "heads"  # the head is in no other group, and decides only what went up


class Crash(Exception):
    """The process ends before its transaction does."""


class Life(RuleBasedStateMachine):
    """One held payment. The model: the desk (who said yes, who changed it, who handed over to whom), who called, and how
    it stands."""

    @initialize(
        covered=st.sampled_from(("rae", "both", "fay")),
        away=st.booleans(),
        before=st.lists(HANDED_OVER, max_size=3),
    )
    def begin(self, covered: str, away: bool, before: list[tuple[str, str, bool]]) -> None:
        self.scope = transaction.atomic()
        self.scope.__enter__()
        eventlog.forget()
        runs.paid.clear()
        self.desk = model.Desk()
        self.delegations: dict[str, str] = {}
        for given in ((covered, "deputy", away), *before):
            self.hand_over(given, crash=1)
        self.run = runs.held_run()
        self.desk.ask()
        self.status, self.action = "pending", "held"
        self.callers: list[str] = []
        self.in_time = self.usable = True
        self.amount = 0
        self.is_late = False

    def teardown(self) -> None:
        if hasattr(self, "scope"):
            try:
                moved = ("decide_by", "execute_by", "remind_at", "escalate_at")  # by this test
                found = rebuild.differences(record_of_approvals())
                assert [one for one in found if not any(f": {name} is" in one for name in moved)] == []
            finally:
                transaction.set_rollback(True)
                self.scope.__exit__(None, None, None)
                eventlog.forget()

    # ---- what is done, to the services ----
    @property
    def request(self) -> ApprovalRequest:
        return runs.request_of(self.run)

    def attempt(self, job: Callable[[], Any], *, crash: bool = False) -> bool:
        """Whether it was done. A crash comes after everything was written and before it is committed."""
        try:
            with transaction.atomic():
                job()
                if crash:
                    raise Crash
        except Crash:
            eventlog.forget()
            return False
        except errors.CountersignError:
            eventlog.forget()
            return False
        return True

    # ---- people ----
    @rule(who=st.sampled_from(model.PEOPLE), crash=st.integers(0, 9))
    def approve(self, who: str, crash: int) -> None:
        repeated = self.status in ("pending", "approved") and self.desk.signed(who)
        said = self.desk.approval(who)
        may = self.status == "pending" and self.in_time and said is not None
        done = self.attempt(lambda: approve(self.request, _user(who)), crash=crash == 0)
        assert done == (may or repeated) or crash == 0
        if done and said is not None and not repeated:
            self.desk.said.append(said)
            if self.desk.is_complete:
                self.status, self.action = "approved", "released"

    @precondition(lambda self: self.status == "pending")
    @rule(
        first=st.integers(0, len(model.PEOPLE) - 1),
        rather_for_another=st.booleans(),
        times=st.sampled_from((3, 2, 1)),
    )
    def those_who_are_needed_approve(self, first: int, rather_for_another: bool, times: int) -> None:
        """So that lives get as far as an action that runs. Both of a pair try to be counted."""
        people = model.PEOPLE[first:] + model.PEOPLE[:first]
        for _ in range(times):
            ways = [one for name in people if (one := self.desk.approval(name))]
            ways.sort(key=lambda one: rather_for_another != bool(one.instead_of))
            if self.status != "pending" or not ways:
                return
            self.approve(ways[0].who, crash=1)
            pair = {ways[0].instead_of, *(one.to for one in self.desk.handed_over if one.who == ways[0].who)}
            for who in sorted(pair - {""}):
                self.approve(who, crash=1)

    @rule(who=st.sampled_from(model.PEOPLE), crash=st.integers(0, 9), seldom=SELDOM)
    def reject(self, who: str, crash: int, seldom: bool) -> None:
        if not seldom:
            return
        may = self.status == "pending" and self.in_time and self.desk.may_reject(who)
        done = self.attempt(lambda: reject(self.request, _user(who)), crash=crash == 0)
        assert done == may or crash == 0 or self._repeats_rejection(who)
        if done and may:
            self.status, self.action = "rejected", "refused"

    @rule(who=st.sampled_from(model.PEOPLE))
    def retract(self, who: str) -> None:
        may = self.status == "pending" and self.in_time and self.desk.signed(who)
        done = self.attempt(
            lambda: retractions.retract(request=str(self.request.id), by=_user(who), now=timezone.now())
        )
        assert done == may
        if done:
            self.desk.said = [one for one in self.desk.said if one.who != who]

    @rule(who=st.sampled_from(model.PEOPLE), crash=st.integers(0, 9))
    def edit(self, who: str, crash: int) -> None:
        may = self.status == "pending" and self.in_time and self.desk.may_touch(who)
        self.amount += 1
        request = self.request

        def change() -> None:
            edits.edit(
                request=str(request.id),
                by=_user(who),
                tool="tests.pay",
                arguments={**runs.PAYMENT, "amount": f"{self.amount}.00"},
                seen_digest=request.digest,
                seen_version=request.version,
                reason="better",
                now=timezone.now(),
            )

        done = self.attempt(change, crash=crash == 0)
        assert done == may or crash == 0
        if done:
            self.desk.editors.add(who)
            self._asked_again()

    # ---- deciding for another ----
    @rule(given=HANDED_OVER, crash=st.integers(0, 9))
    def hand_over(self, given: tuple[str, str, bool], crash: int) -> None:
        who, to, is_away = given
        may = self.desk.may_hand_over(who, to, is_away)
        made: list[str] = []

        def give() -> None:
            one = delegations.set_delegation(
                person=who,
                delegate=to,
                is_leave=is_away,
                until=timezone.now() + dt.timedelta(days=1),
                by=_user(who),
                now=timezone.now(),
            )
            made.append(one.id)

        done = self.attempt(give, crash=crash == 0)
        assert done == may or crash == 0
        if done:
            self.delegations[who] = made[0]
            self.desk.handed_over.append(model.HandedOver(who, to, is_away))

    @precondition(lambda self: self.delegations)
    @rule(data=st.data())
    def take_over_again(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.delegations)))
        delegation = self.delegations.pop(who)
        assert self.attempt(
            lambda: delegations.end_delegation(delegation=delegation, by=_user(who), now=timezone.now())
        )
        self.desk.take_back(who)

    @rule(who=st.sampled_from(CHIEFS), crash=st.integers(0, 9))
    def call(self, who: str, crash: int) -> None:
        may = self.status == "pending" and self.in_time and who not in self.callers
        request = self.request
        done = self.attempt(
            lambda: break_glass.call(
                request=str(request.id),
                by=_user(who),
                reason="now",
                seen_digest=request.digest,
                seen_version=request.version,
                seen_call="".join(self.callers[:1]),
                now=timezone.now(),
            ),
            crash=crash == 0,
        )
        assert done == may or crash == 0
        if done:
            self.callers.append(who)
            if len(self.callers) == 2:
                self.status, self.action = "approved", "released"

    @rule(who=st.sampled_from(model.PEOPLE))
    def revoke(self, who: str) -> None:
        may = self.status == "approved" and self.action == "released" and self.desk.may_revoke(who)
        done = self.attempt(
            lambda: revocations.revoke(
                request=str(self.request.id), by=_user(who), reason="no", now=timezone.now()
            )
        )
        assert done == may
        if done:
            self.status, self.action = "revoked", "refused"

    # ---- time ----
    @precondition(lambda self: self.status == "pending")
    @rule(seldom=SELDOM)
    def the_time_to_decide_ends(self, seldom: bool) -> None:
        if not seldom:
            return
        move_deadline(self.request, decide_by=timezone.now())
        self.in_time = False

    @precondition(lambda self: self.status == "approved" and self.action == "released")
    @rule()
    def the_time_to_act_ends(self) -> None:
        move_deadline(self.request, execute_by=timezone.now())
        self.usable = False

    @rule()
    def sweep(self) -> None:
        silence.speak_up(timezone.now())
        self.desk.is_up |= self.status == "pending" and self.is_late
        expired = deadlines.expire_due(timezone.now())
        if expired:
            assert self.status == "pending"
            assert not self.in_time
            self.status, self.action = "expired", "refused"

    @rule()
    def be_late_with_reminders(self) -> None:
        move_deadline(self.request, remind_at=timezone.now(), escalate_at=timezone.now())
        self.is_late |= self.status == "pending"

    # ---- the executor ----
    @rule(crash=st.integers(0, 4))
    def work(self, crash: int) -> None:
        before = list(runs.paid)
        if not self.attempt(lambda: runs.work(self.run), crash=crash == 0):
            # The claim is undone here, so the executor had not acted: in life the claim is committed before it acts.
            runs.paid[:] = before
            return
        if self.action != "released":
            return
        if self.usable:
            self.action = "executed"
        else:
            self.action = "held"
            self._asked_again()

    # ---- what is always so ----
    @invariant()
    def rows_run_and_model_tell_the_same(self) -> None:
        if not hasattr(self, "scope"):
            return
        request = self.request
        assert (request.status, runs.status_of(self.run)) == (self.status, self.action)
        assert len(runs.paid) == (1 if self.action == "executed" else 0)
        standing = [(one.reviewer, one.acting_for) for one in queries.load(request.id).standing]
        if self.status in ("pending", "approved"):
            assert standing == [(one.who, one.instead_of) for one in self.desk.said]

    def _repeats_rejection(self, who: str) -> bool:
        return self.status == "rejected" and any(
            one.reviewer == who and one.verb == "reject" for one in queries.load(self.request.id).standing
        )

    def _asked_again(self) -> None:
        self.status = "pending"
        self.desk.ask()
        self.callers = []
        self.is_late = False
        self.in_time = self.usable = True


def _user(name: str) -> User:
    return User.objects.get(username=name)


@pytest.mark.django_db
def test_a_request_lives_as_its_model_says_whatever_people_clocks_and_crashes_do() -> None:
    ensure_roles()
    for name in (*model.PEOPLE, *CHIEFS, "admin"):
        person = User.objects.create(username=name)
        role = "admin" if name in (*CHIEFS, "admin") else "reviewer"
        for group in {role, *model.GROUPS.get(name, set())}:
            person.groups.add(Group.objects.get_or_create(name=group)[0])
    policies.publish_policy(
        policy=replace(terms.STRICT, levels=LEVELS, escalate_to=(ABOVE,)), by=None, now=timezone.now()
    )
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("milliseconds", "in_time"), [(1, True), (0, False), (-1, False)])
def test_both_clocks_are_judged_to_the_millisecond_in_the_statement_itself(
    milliseconds: int,
    in_time: bool,
    monkeypatch: pytest.MonkeyPatch,
    operator: Any,
    admin: Any,
    reviewer: Any,
) -> None:
    """The database's clock stands still here: a deadline is a millisecond after it, on it, or before it."""
    from approvals.services import requests, rows, sign_offs
    from orchestrator.services import facts

    run = runs.held_run()
    moment = timezone.now() + dt.timedelta(minutes=5)
    deadline = moment + dt.timedelta(milliseconds=milliseconds)
    monkeypatch.setattr(rows, "CLOCK", f"'{moment.isoformat()}'::timestamptz")
    request = runs.request_of(run)
    move_deadline(request, decide_by=deadline)
    if in_time:
        assert approve(request, reviewer).status == "approved"
    else:
        with pytest.raises(sign_offs.TooLate):
            approve(request, reviewer)
        move_deadline(request, decide_by=moment + dt.timedelta(hours=1))
        approve(request, reviewer)
    move_deadline(request, execute_by=deadline)
    state = runs.state_of(run)
    known = facts.action_facts(state, state.actions["a1"])

    objection = requests.check_claim(facts=known, request=str(request.id), at=moment)

    assert objection == (None if in_time else "The approval was not used within 15 minutes.")
