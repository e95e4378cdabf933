"""What keeps a policy from being published: names, conditions, sentences, quorums and clocks that cannot work.

It finds faults, each at its field and with what to do. A time-out that approves is none of them: no policy can say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from approvals.domain import money, providers, quorum
from approvals.domain.conditions import Wrong
from approvals.domain.facts import Book
from approvals.domain.terms import LONGEST, STRICTNESS, TIERS, Clocks, Level, Policy, Rule
from orchestrator.domain.soundness import Fault
from orchestrator.domain.specs import Category

SPARE = 2  # so many more active members than needed, because the starter and the owner may be among them
MAX_RULES = 50
MAX_LEVELS = 5
MAX_NEED = 10
MAX_TITLE = 120
MAX_EXPLANATION = 300
MAX_ESCALATE_TO = 5
DECIDE_BY = (60, LONGEST)
EXECUTE_BY = (30, 7 * 86_400)
ESCALATE_AFTER = 60
RESERVED = ("hold.", "allow.", "scope.", "floor.")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}")


def policy_faults(
    policy: Policy,
    members: Mapping[str, int],
    book: Book | None = None,
    *,
    pool: Sequence[frozenset[str]] = (),
) -> list[Fault]:
    """Everything that is wrong with a policy. `members` counts the active people of each group who may sign off;
    `pool` gives for each such person the groups they are in."""
    book = book or providers.BOOK
    found = list(_of_itself(policy))
    found += _of_levels("levels", policy.levels, members, pool)
    if not policy.levels:
        found.append(Fault("levels", "Name at least one level of people, such as reviewer."))
    for tier in TIERS:
        clocks = policy.clocks.get(tier)
        if clocks is None:
            found.append(Fault("clocks", f"Say how long people have for what is {tier}."))
        else:
            found += _of_clocks(f"clocks.{tier}", clocks)
    found += _of_escalation("escalate_to", policy.escalate_to, members)
    ids = [rule.id for rule in policy.rules]
    for place, rule in enumerate(policy.rules):
        found += _of_rule(place, rule, members, book, pool)
        if rule.id in ids[:place]:
            found.append(Fault(f"rules.{place}.id", "Another rule has this name already."))
    if len(policy.rules) > MAX_RULES:
        found.append(Fault("rules", f"A policy has at most {MAX_RULES} rules."))
    return found


def groups_of(policy: Policy) -> set[str]:
    """Every group that a policy counts on."""
    found = {level.group for level in policy.levels} | set(policy.escalate_to)
    for rule in policy.rules:
        found |= {level.group for level in rule.levels} | set(rule.escalate_to)
    return found


def _of_itself(policy: Policy) -> Iterator[Fault]:
    if not _SLUG.fullmatch(policy.slug):
        yield Fault("slug", "Use small letters, digits, _ and -, such as balanced.")
    if not policy.title.strip() or len(policy.title) > MAX_TITLE:
        yield Fault(
            "title", f"Say in at most {MAX_TITLE} characters what it is for, such as Payments of the branch."
        )
    if not 0 <= policy.sample_percent <= 100:
        yield Fault("sample_percent", "A percentage lies between 0 and 100.")
    for category in policy.always_hold:
        if category not in get_args(Category):
            yield Fault("always_hold", f"There is no kind of action named {category}.")
    for currency, amounts in policy.tier_amounts.items():
        if currency != "*" and currency not in money.MINOR_UNITS:
            yield Fault("tier_amounts", f"{currency[:10]} is no currency of ISO 4217.")
        values = {tier: money.plain_value(amount) for tier, amount in amounts.items()}
        if None in values.values():
            yield Fault("tier_amounts", "Write amounts as 10000.00.")
            continue
        high, critical = values.get("high"), values.get("critical")
        if high is not None and critical is not None and critical < high:
            yield Fault("tier_amounts", "What is critical must not begin below what is high.")


def _of_rule(
    place: int, rule: Rule, members: Mapping[str, int], book: Book, pool: Sequence[frozenset[str]]
) -> Iterator[Fault]:
    where = f"rules.{place}"
    if not _ID.fullmatch(rule.id) or rule.id.startswith(RESERVED):
        yield Fault(f"{where}.id", "Use small letters, digits, _ and -, such as large_payment.")
    if not rule.title.strip() or len(rule.title) > MAX_TITLE:
        yield Fault(f"{where}.title", f"Name the rule in at most {MAX_TITLE} characters.")
    if rule.then not in STRICTNESS:
        yield Fault(f"{where}.then", "A rule allows, holds or refuses.")
    try:
        book.language.check(rule.when)
    except Wrong as wrong:
        yield Fault(f"{where}.when", wrong.message)
    if len(rule.explanation) > MAX_EXPLANATION:
        yield Fault(f"{where}.explanation", f"Keep it under {MAX_EXPLANATION} characters.")
    for text in book.faults_of(rule.explanation):
        yield Fault(f"{where}.explanation", text)
    if rule.then != "hold" and (rule.levels or rule.tier or rule.clocks or rule.escalate_to):
        yield Fault(f"{where}.levels", "Only a rule that holds asks for people, a tier or clocks.")
    yield from _of_escalation(f"{where}.escalate_to", rule.escalate_to, members)
    if rule.tier is not None and rule.tier not in TIERS:
        yield Fault(f"{where}.tier", "The tiers are low, medium, high and critical.")
    yield from _of_levels(f"{where}.levels", rule.levels, members, pool)
    if rule.clocks is not None:
        yield from _of_clocks(f"{where}.clocks", rule.clocks)


def _of_levels(
    where: str, levels: tuple[Level, ...], members: Mapping[str, int], pool: Sequence[frozenset[str]]
) -> Iterator[Fault]:
    if len(levels) > MAX_LEVELS:
        yield Fault(where, f"There are at most {MAX_LEVELS} levels.")
    needed: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, level in enumerate(levels):
        here = f"{where}.{place}"
        if not level.name.strip() or not level.group.strip():
            yield Fault(f"{here}.group", "Each level has a name and a group of people.")
        elif not 1 <= level.need <= MAX_NEED:
            yield Fault(
                f"{here}.need",
                f"A level asks for 1 to {MAX_NEED} people; {level.name} asks for {level.need}.",
            )
        if level.name in [before.name for before in levels[:place]]:
            yield Fault(f"{here}.name", "Each level has a name of its own.")
        needed[level.group] = needed.get(level.group, 0) + level.need
        last[level.group] = place
    is_short = False
    for group, need in needed.items():
        there = members.get(group, 0)
        if group.strip() and there < need + SPARE:
            is_short = True
            yield Fault(
                f"{where}.{last[group]}.need",
                f"The group {group} has {there} active people who may sign off; {need} are needed and up to {SPARE} may "
                f"be excluded, so it needs {need + SPARE}. Add people to the group, or ask for fewer.",
            )
    if pool and not is_short and len(levels) <= MAX_LEVELS:
        short = quorum.short_after(levels, pool, SPARE)
        if short:
            place = next(at for at, level in enumerate(levels) if level.name in short)
            yield Fault(
                f"{where}.{place}.need",
                f"A person counts once, and the same people are in several of these groups: when {SPARE} of them are "
                f"excluded, {' and '.join(short)} cannot be filled. Add people to the groups, or ask for fewer.",
            )


def _of_escalation(where: str, groups: tuple[str, ...], members: Mapping[str, int]) -> Iterator[Fault]:
    if len(groups) > MAX_ESCALATE_TO:
        yield Fault(where, f"Silence goes up to {MAX_ESCALATE_TO} groups at most.")
    for group in groups:
        if not members.get(group, 0):
            yield Fault(
                where,
                f"The group {group} has no active person who may sign off, so nobody there could decide what goes up. "
                "Add people to the group, or choose another.",
            )


def _of_clocks(where: str, clocks: Clocks) -> Iterator[Fault]:
    if not DECIDE_BY[0] <= clocks.decide_by <= DECIDE_BY[1]:
        yield Fault(where, "People have between a minute and 30 days to decide.")
    if not EXECUTE_BY[0] <= clocks.execute_by <= EXECUTE_BY[1]:
        yield Fault(where, "The executor has between 30 seconds and 7 days to act.")
    if clocks.escalate_after and not ESCALATE_AFTER <= clocks.escalate_after < clocks.decide_by:
        yield Fault(
            f"{where}.escalate_after",
            "Silence goes up after a minute at the earliest, and before the time to decide is over.",
        )
