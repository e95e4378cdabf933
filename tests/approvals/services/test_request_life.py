"""The life of a request under random people, clocks and crashes, against a model of forty lines.

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
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.approvals.rows import move_deadline

LIVES = int(os.environ.get("COUNTERSIGN_LIVES", "8"))
PEOPLE = ("fay", "finn", "rae", "both", "head", "operator")
CHIEFS = ("chief1", "chief2")
GROUPS = {"fay": {"finance"}, "finn": {"finance"}, "rae": {"risk"}, "both": {"finance", "risk"}}
LEVELS = (
    terms.Level(name="finance", group="finance", need=1),
    terms.Level(name="risk", group="risk", need=1, order=1),
)
ABOVE = "heads"  # the head is in no other group, and decides only what went up


class Crash(Exception):
    """The process ends before its transaction does."""


class Life(RuleBasedStateMachine):
    """One held payment. The model: who fills finance, who fills risk, who changed it, who called, whether it went up, and
    how it stands."""

    @initialize()
    def begin(self) -> None:
        self.scope = transaction.atomic()
        self.scope.__enter__()
        eventlog.forget()
        runs.paid.clear()
        self.run = runs.held_run()
        self.status, self.action = "pending", "held"
        self.finance, self.risk = "", ""
        self.editors: set[str] = set()
        self.callers: list[str] = []
        self.in_time = self.usable = True
        self.amount = 0
        self.is_late = self.is_up = False

    def teardown(self) -> None:
        if hasattr(self, "scope"):
            try:
                moved = ("decide_by", "execute_by", "remind_at", "escalate_at")  # by this test
                found = rebuild.differences(_events())
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
    @rule(who=st.sampled_from(PEOPLE), crash=st.integers(0, 9))
    def approve(self, who: str, crash: int) -> None:
        seat = self._seat(who)
        repeated = self.status in ("pending", "approved") and who in (self.finance, self.risk)
        may = self.status == "pending" and self.in_time and bool(seat)
        done = self.attempt(lambda: approve(self.request, _user(who)), crash=crash == 0)
        assert done == (may or repeated) or crash == 0
        if done and seat and not repeated:
            setattr(self, seat, who)
            if self.finance and self.risk:
                self.status, self.action = "approved", "released"

    @rule(who=st.sampled_from(PEOPLE), crash=st.integers(0, 9))
    def reject(self, who: str, crash: int) -> None:
        may = self._may_speak(who) and who not in (self.finance, self.risk)
        done = self.attempt(lambda: reject(self.request, _user(who)), crash=crash == 0)
        assert done == may or crash == 0 or self._repeats_rejection(who)
        if done and may:
            self.status, self.action = "rejected", "refused"

    @rule(who=st.sampled_from(PEOPLE))
    def retract(self, who: str) -> None:
        may = self.status == "pending" and self.in_time and who in (self.finance, self.risk)
        done = self.attempt(
            lambda: retractions.retract(request=str(self.request.id), by=_user(who), now=timezone.now())
        )
        assert done == may
        if not done:
            return
        if who == self.risk:
            self.risk = ""
        elif who == self.finance:
            # Who answered for the second level and may fill the first one is needed there now.
            moves = "finance" in self._groups(self.risk)
            self.finance, self.risk = (self.risk, "") if moves else ("", self.risk)

    @rule(who=st.sampled_from(PEOPLE), crash=st.integers(0, 9))
    def edit(self, who: str, crash: int) -> None:
        may = self._may_speak(who) and who != "operator"
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
            self.editors.add(who)
            self._asked_again()

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

    @rule(who=st.sampled_from(PEOPLE))
    def revoke(self, who: str) -> None:
        may = self.status == "approved" and self.action == "released" and (who != "head" or self.is_up)
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
    @rule()
    def the_time_to_decide_ends(self) -> None:
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
        self.is_up |= self.status == "pending" and self.is_late
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
        if self.status == "pending":
            standing = [one.reviewer for one in queries.load(request.id).standing]
            assert {self.finance, self.risk} - {""} <= set(standing)

    # ---- the model's judgement ----
    def _seat(self, who: str) -> str:
        """The level that this person's approval would fill, empty when it would fill none."""
        if who in (self.finance, self.risk) or who == "operator":
            return ""
        groups = self._groups(who)
        other = self.risk if not self.finance else self.finance
        if who in self.editors and (not other or other in self.editors) and self._editor_is_second(other):
            return ""
        if not self.finance and "finance" in groups:
            return "finance"
        if self.finance and not self.risk and "risk" in groups:
            return "risk"
        return ""

    def _groups(self, who: str) -> set[str]:
        """The groups that a person counts for: the head for all of them, once it went up."""
        return {"finance", "risk"} if who == "head" and self.is_up else GROUPS.get(who, set())

    def _may_speak(self, who: str) -> bool:
        return self.status == "pending" and self.in_time and (who != "head" or self.is_up)

    def _editor_is_second(self, other: str) -> bool:
        """One of the two seats may be an editor's, both never."""
        return bool(other) and other in self.editors

    def _repeats_rejection(self, who: str) -> bool:
        return self.status == "rejected" and any(
            one.reviewer == who and one.verb == "reject" for one in queries.load(self.request.id).standing
        )

    def _asked_again(self) -> None:
        self.status = "pending"
        self.finance, self.risk = "", ""
        self.callers = []
        self.is_late = self.is_up = False
        self.in_time = self.usable = True


def _user(name: str) -> User:
    return User.objects.get(username=name)


def _events() -> list[eventlog.Stored]:
    return [
        event
        for kind in ("approval", "policy")
        for stream, *_ in eventlog.streams(kind)
        for event in eventlog.events_after(stream, 0, 10_000)
    ]


@pytest.mark.django_db
def test_a_request_lives_as_its_model_says_whatever_people_clocks_and_crashes_do() -> None:
    ensure_roles()
    for name in (*PEOPLE, *CHIEFS, "admin"):
        person = User.objects.create(username=name)
        role = "admin" if name in (*CHIEFS, "admin") else "reviewer"
        for group in {role, *GROUPS.get(name, set()), *({ABOVE} if name == "head" else ())}:
            person.groups.add(Group.objects.get_or_create(name=group)[0])
    policies.publish_policy(
        policy=replace(terms.STRICT, levels=LEVELS, escalate_to=(ABOVE,)), by=None, now=timezone.now()
    )
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=14,
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
