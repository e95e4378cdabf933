"""The policies that every installation has: *strict*, *balanced*, and the organisation's floor.

They are published like any other and may be changed like any other; each change is a revision.
"""

from __future__ import annotations

from approvals.domain.terms import STRICT, Policy, Rule

FLOOR_SLUG = "floor"

FLOOR = Policy(slug=FLOOR_SLUG, title="Below every policy of the organisation")

_LASTING = "!action.is_routine"
_HANDED_OVER = "request.hands_over && action.category != 'safety_critical'"

BALANCED = Policy(
    slug="balanced",
    title="Held by risk: who chose whom an action reaches, and who asked for it",
    # The floor holds these for every declared tool. Guessed ones are weighed by the rules below.
    always_hold=(),
    sample_percent=5,
    rules=(
        Rule(
            id="routine",
            title="Routine",
            when="action.is_routine",
            then="allow",
            explanation="It only reads, or was declared as routine, and moves no money.",
        ),
        Rule(
            id="asked",
            title="As requested",
            when="request.is_given && provenance.all_from_task && !results.have_instructions",
            then="allow",
            explanation="All that it reaches or moves stands in the request.",
        ),
        Rule(
            id="asked_though_instructed",
            title="As requested, word for word",
            when="request.is_given && request.asks_for_it && target.is_given && provenance.target == 'task' "
            "&& provenance.all_from_task && !provenance.from_instruction",
            then="allow",
            explanation="The request names this deed and all that it reaches or moves.",
        ),
        Rule(
            id="found",
            title="Requested, with details that were found",
            when=f"(request.asks_for_it || {_HANDED_OVER}) && !results.have_instructions && !provenance.is_unknown",
            then="allow",
            explanation="The request asks for it, or leaves it to a text; its details come from what the agent was given.",
        ),
        Rule(
            id="instructed_value",
            title="Chosen by somebody else's text",
            when=f"{_LASTING} && provenance.from_instruction",
            then="hold",
            tier="high",
            explanation="{provenance.words}.",
        ),
        Rule(
            id="instructed_run",
            title="After text that instructs agents",
            when=f"{_LASTING} && results.have_instructions && !(request.asks_for_it && provenance.all_from_task)",
            then="hold",
            tier="medium",
            explanation="An earlier result or file speaks to the agent, and the request does not name all of this: "
            "{provenance.words}.",
        ),
        Rule(
            id="not_requested",
            title="Not requested",
            when=f"{_LASTING} && !request.asks_for_it && !provenance.all_from_task && !({_HANDED_OVER})",
            then="hold",
            explanation="The request does not ask for {action.tool}: {provenance.words}.",
        ),
        Rule(
            id="from_nowhere",
            title="An address from nowhere",
            when=f"{_LASTING} && provenance.is_unknown",
            then="hold",
            explanation="{provenance.words}.",
        ),
        Rule(
            id="first_target",
            title="A first target that nobody requested",
            when=f"{_LASTING} && target.is_given && provenance.target != 'task' && target.is_first",
            then="hold",
            explanation="{target.name} is reached for the first time, and the request does not name it.",
        ),
    ),
)

SHIPPED: tuple[Policy, ...] = (STRICT, BALANCED, FLOOR)
