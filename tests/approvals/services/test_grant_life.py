"""The life of standing grants: random grants, actions, people, clocks, declarations and crashes, against a model.

The model knows what a grant covers in six comparisons, and counts its uses on its fingers.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
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
from approvals.models import StandingGrant
from approvals.services import grants, policies, rebuild, revocations
from config.models import User
from config.roles import ensure_roles
from orchestrator import eventlog
from orchestrator.adapters import registry
from orchestrator.domain import errors
from orchestrator.ports import ExecutionRequest
from orchestrator.services import catalogue
from tests.approvals import runs
from tests.approvals.answers import approve
from tests.approvals.rows import record_of_approvals

LIVES = int(os.environ.get("COUNTERSIGN_LIVES", "25"))
RESERVE = replace(
    runs.PAY,
    name="tests.reserve",
    reversibility="reversible",
    sentence="Reserve {amount} {currency} for {payee}",
)
SPEC = replace(
    runs.SPEC,
    agents={
        "treasurer": replace(runs.AGENT, scope=replace(runs.SCOPE, tools=("tests.pay", "tests.reserve")))
    },
    tools={"tests.pay": runs.PAY, "tests.reserve": RESERVE},
)
SELDOM = st.sampled_from((False, False, True))
ADMINS = ("admin", "admin2")
PAYEES = ("ACME GmbH", "ACME Ltd", "Umbrella")
# What is granted for whom, as the grant says it and as the model understands it.
PREDICATES: tuple[tuple[dict[str, str], str, Callable[[str], bool]], ...] = (
    ({}, "", lambda payee: True),
    ({"payee": "ACME*"}, "", lambda payee: payee.startswith("ACME")),
    ({}, "action.args.payee.endsWith('Ltd')", lambda payee: payee.endswith("Ltd")),
    ({"payee": "ACME*"}, "action.args.absent == 'x'", lambda payee: False),  # it cannot be answered
)


@registry.tool("tests.reserve")
def reserve(arguments: dict[str, Any], request: ExecutionRequest) -> dict[str, str]:
    return runs.pay(arguments, request)


class Crash(Exception):
    """The process ends before its transaction does."""


@dataclass
class Granted:
    """What the model knows of a grant."""

    id: str
    made_by: str
    most: Decimal
    max_uses: int
    predicate: Callable[[str], bool]
    is_signed: bool = False
    is_revoked: bool = False
    is_over: bool = False
    uses: int = 0


@dataclass
class Asked:
    """What the model knows of an action: how it stands, and the grant that let it pass, if one did."""

    run: str
    tool: str
    amount: Decimal
    payee: str
    status: str
    by_grant: Granted | None


class Allowances(RuleBasedStateMachine):
    """Some grants of one agent, and the actions that it asks for."""

    @initialize(
        max_uses=st.integers(1, 2),
        predicate=st.sampled_from(PREDICATES[:-1]),
    )
    def begin(self, max_uses: int, predicate: Any) -> None:
        self.scope = transaction.atomic()
        self.scope.__enter__()
        eventlog.forget()
        runs.paid.clear()
        self.grants: list[Granted] = []
        self.actions: list[Asked] = []
        self.critical_from = Decimal(500)
        self.is_lasting = False
        _publish(self.critical_from)
        catalogue.publish_tool(spec=replace(runs.PAY, version=0), by="admin", now=timezone.now())
        self._declare()
        self.grant("tests.reserve", "1000.00", max_uses, predicate, by="admin", signed=True)

    def teardown(self) -> None:
        if hasattr(self, "scope"):
            try:
                found = rebuild.differences(record_of_approvals())
                # The end is moved by this test.
                assert [one for one in found if ": expires_at is" not in one] == []
            finally:
                transaction.set_rollback(True)
                self.scope.__exit__(None, None, None)
                eventlog.forget()

    def attempt(self, job: Callable[[], Any], *, crash: bool = False) -> bool:
        """Whether it was done. A crash comes after everything was written and before it is committed."""
        try:
            with transaction.atomic():
                job()
                if crash:
                    raise Crash
        except (Crash, errors.CountersignError):
            eventlog.forget()
            return False
        return True

    # ---- administrators ----
    @rule(
        tool=st.sampled_from(("tests.reserve", "tests.reserve", "tests.pay")),
        most=st.sampled_from(("", "100.00", "450.00", "1000.00")),
        max_uses=st.integers(0, 2),
        predicate=st.sampled_from(PREDICATES),
        by=st.sampled_from(ADMINS),
        signed=st.booleans(),
    )
    def grant(self, tool: str, most: str, max_uses: int, predicate: Any, by: str, signed: bool) -> None:
        fields, when, means = predicate
        may = tool == "tests.reserve" and not self.is_lasting and bool(most) and max_uses > 0
        made: list[str] = []

        def make() -> None:
            one = grants.make(
                agent="treasurer",
                tool=tool,
                fields=fields,
                when=when,
                max_amount=most,
                currency="EUR",
                max_uses=max_uses,
                expires_at=timezone.now() + dt.timedelta(days=7),
                reason="the same every week",
                by=_user(by),
                now=timezone.now(),
            )
            made.append(one.id)

        assert self.attempt(make) == may
        if may:
            self.grants.append(Granted(made[0], by, Decimal(most), max_uses, means))
            if signed:
                self.sign(-1, next(one for one in ADMINS if one != by))

    @precondition(lambda self: self.grants)
    @rule(which=st.integers(0, 9), by=st.sampled_from((*ADMINS, "reviewer")))
    def sign(self, which: int, by: str) -> None:
        one = self._pick(self.grants, which)
        fresh = not (one.is_signed or one.is_revoked or one.is_over)
        may = fresh and by in ADMINS and by != one.made_by
        assert self.attempt(lambda: grants.approve(grant=one.id, by=_user(by), now=timezone.now())) == may
        one.is_signed |= may

    @precondition(lambda self: self.grants)
    @rule(which=st.integers(0, 9), by=st.sampled_from((*ADMINS, "reviewer")), seldom=SELDOM)
    def revoke(self, which: int, by: str, seldom: bool) -> None:
        if not seldom:
            return
        one = self._pick(self.grants, which)
        may = by in ADMINS and not one.is_revoked
        done = self.attempt(
            lambda: grants.revoke(grant=one.id, by=_user(by), reason="no more", now=timezone.now())
        )
        assert done == may
        one.is_revoked |= may

    @precondition(lambda self: self.grants)
    @rule(which=st.integers(0, 9), seldom=SELDOM)
    def its_time_ends(self, which: int, seldom: bool) -> None:
        if not seldom:
            return
        one = self._pick(self.grants, which)
        StandingGrant.objects.filter(pk=one.id).update(expires_at=timezone.now())
        one.is_over = True

    @rule(seldom=SELDOM)
    def the_policy_changes_what_is_critical(self, seldom: bool) -> None:
        if not seldom:
            return
        self.critical_from = Decimal(150) if self.critical_from == 500 else Decimal(500)
        _publish(self.critical_from)

    @rule(seldom=SELDOM)
    def the_tool_is_declared_anew(self, seldom: bool) -> None:
        if not seldom:
            return
        self.is_lasting = not self.is_lasting
        self._declare()

    # ---- the agent ----
    @rule(
        tool=st.sampled_from(("tests.reserve", "tests.reserve", "tests.reserve", "tests.pay")),
        amount=st.sampled_from(("50.00", "100.00", "100.01", "200.00", "600.00")),
        payee=st.sampled_from(PAYEES),
        at_once=st.booleans(),
    )
    def ask(self, tool: str, amount: str, payee: str, at_once: bool) -> None:
        run = runs.start(spec=SPEC)
        runs.propose(run, {**runs.PAYMENT, "amount": amount, "payee": payee}, tool=tool)
        runs.work(run, ("assess",))
        asked = Asked(run, tool, Decimal(amount), payee, "held", None)
        asked.by_grant = next((one for one in self.grants if self._covers(one, asked)), None)
        asked.status = "released" if asked.by_grant else "held"
        self.actions.append(asked)
        decided_by = runs.request_of(run).decided_by
        assert decided_by == (f"grant:{asked.by_grant.id}" if asked.by_grant else "")
        if at_once:
            self.work(-1, crash=1)

    @precondition(lambda self: self.grants)
    @rule(which=st.integers(0, 9), amount=st.sampled_from(("100.00", "600.00")), at_once=st.booleans())
    def ask_for_what_is_granted(self, which: int, amount: str, at_once: bool) -> None:
        """So that grants are used, and used up."""
        one = self._pick(self.grants, which)
        payee = next((payee for payee in PAYEES if one.predicate(payee)), PAYEES[0])
        self.ask("tests.reserve", amount, payee, at_once)

    @precondition(lambda self: self.actions)
    @rule(which=st.integers(0, 9), crash=st.integers(0, 4))
    def work(self, which: int, crash: int) -> None:
        one = self._pick(self.actions, which)
        before = list(runs.paid)
        if not self.attempt(lambda: runs.work(one.run), crash=crash == 0):
            runs.paid[:] = before  # in life the claim is committed before the executor acts
            return
        if one.status != "released":
            return
        if one.by_grant is None:
            one.status = "executed"
        elif self._covers(one.by_grant, one):
            one.status = "executed"
            one.by_grant.uses += 1
        else:
            one.status, one.by_grant = "held", None  # people are asked, and no grant again

    # ---- a reviewer ----
    @precondition(lambda self: self.actions)
    @rule(which=st.integers(0, 9))
    def approve(self, which: int) -> None:
        one = self._pick(self.actions, which)
        done = self.attempt(lambda: approve(runs.request_of(one.run), _user("reviewer")))
        if one.status == "held":
            assert done
            one.status = "released"

    @precondition(lambda self: self.actions)
    @rule(which=st.integers(0, 9))
    def call_off(self, which: int) -> None:
        one = self._pick(self.actions, which)
        request = str(runs.request_of(one.run).id)
        done = self.attempt(
            lambda: revocations.revoke(request=request, by=_user("reviewer"), reason="no", now=timezone.now())
        )
        assert done == (one.status == "released")
        if done:
            one.status = "refused"

    # ---- what is always so ----
    @invariant()
    def rows_record_and_model_tell_the_same(self) -> None:
        if not hasattr(self, "scope"):
            return
        rows = {str(row.id): row for row in StandingGrant.objects.all()}
        for one in self.grants:
            assert rows[one.id].uses == one.uses <= one.max_uses
            assert runs.types_of(one.id).count("grant.used") == one.uses
        assert [runs.status_of(one.run) for one in self.actions] == [one.status for one in self.actions]
        assert len(runs.paid) == sum(one.status == "executed" for one in self.actions)

    # ---- the model's judgement ----
    def _covers(self, grant: Granted, asked: Asked) -> bool:
        stands = (
            grant.is_signed and not grant.is_revoked and not grant.is_over and grant.uses < grant.max_uses
        )
        may_be_granted = (
            asked.tool == "tests.reserve" and not self.is_lasting and asked.amount < self.critical_from
        )
        return stands and may_be_granted and asked.amount <= grant.most and grant.predicate(asked.payee)

    def _pick(self, those: list[Any], which: int) -> Any:
        return those[which % len(those)]

    def _declare(self) -> None:
        lasts = replace(RESERVE, version=0, reversibility="irreversible" if self.is_lasting else "reversible")
        catalogue.publish_tool(spec=lasts, by="admin", now=timezone.now())


def _publish(critical_from: Decimal) -> None:
    amounts: dict[str, dict[terms.Tier, str]] = {"*": {"critical": str(critical_from), "high": "120"}}
    policies.publish_policy(policy=replace(terms.STRICT, tier_amounts=amounts), by=None, now=timezone.now())


def _user(name: str) -> User:
    return User.objects.get(username=name)


@pytest.mark.django_db
def test_grants_live_as_their_model_says_whatever_people_clocks_and_crashes_do() -> None:
    ensure_roles()
    for name, role in (
        ("operator", "operator"),
        ("reviewer", "reviewer"),
        *((one, "admin") for one in ADMINS),
    ):
        User.objects.create(username=name).groups.add(Group.objects.get(name=role))
    run_state_machine_as_test(
        Allowances,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
