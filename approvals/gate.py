"""The gate: holds, refuses and allows actions for the orchestrator, by the policies of this app.

It implements `orchestrator.ports.Gate` and nothing more: it translates facts into the policy's terms and
verdicts into the orchestrator's. Judgement is in `approvals.domain`, rows are in `approvals.services`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec
from django.utils import timezone

from approvals.queries import canaries as planted
from approvals.queries import of_action
from approvals.queries import requests as asked
from approvals.services import canaries, grants, history, policies, questions, requests, samples
from orchestrator.ports import ActionFacts, Verdict


class PolicyGate:
    """Asks the workflow's policy; what is held becomes an approval request in the same commit."""

    def assess(self, facts: ActionFacts) -> Verdict:
        is_canary = planted.is_canary(facts.run)
        found = policies.assess_action(facts)
        if found.decision == "allow" and facts.edited_by:
            found = msgspec.structs.replace(
                found,
                decision="hold",
                rule="hold.edited",
                explanation=f"{facts.edited_by} changed this call, so another person must agree to it.",
            )
        if is_canary:
            found = canaries.held(found, facts)
        if found.decision == "allow":
            percent = policies.find_policy(found.policy).sample_percent
            samples.take(facts, found, percent=percent, now=timezone.now())
        details = policies.details_of(found)
        if found.decision == "hold":
            details["origins"] = msgspec.to_builtins(history.origins(facts))
        if found.decision == "hold" and not is_canary:
            details["grant"] = grants.covering(facts, found.tier)
        return Verdict(
            decision=found.decision,
            rule=found.rule,
            explanation=found.explanation,
            policy=found.policy,
            policy_revision=found.policy_revision,
            tier=found.tier,
            details=details,
        )

    def tier(self, facts: ActionFacts) -> str:
        found = policies.assess_action(facts)
        return "" if found.decision == "refuse" else found.tier

    def held(self, facts: ActionFacts, verdict: Verdict, *, at: dt.datetime) -> None:
        requests.open_request(facts=facts, verdict=verdict, at=at)

    def withdrawn(self, run: str, actions: Sequence[str], *, reason: str, at: dt.datetime) -> None:
        requests.withdraw_requests(run=run, actions=actions, reason=reason, at=at)

    def claiming(self, facts: ActionFacts, *, request: str, at: dt.datetime) -> str | None:
        if planted.is_canary(facts.run):
            return canaries.OVER
        return requests.check_claim(facts=facts, request=request, at=at)

    def execute_by(self, request: str) -> dt.datetime | None:
        return asked.load(request).execute_by

    def answered(self, *, request: str, question: str, text: str, could: bool, at: dt.datetime) -> None:
        questions.record_answer(request=request, question=question, text=text, could=could, at=at)

    def waiting(self, run: str, actions: Sequence[str]) -> Mapping[str, str]:
        return of_action.pending(run, actions)
