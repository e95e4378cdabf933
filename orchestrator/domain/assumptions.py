"""The assumptions each pattern rests on, to be answered before it is chosen, and checked where that is possible.

A sequential chain assumes that the workflow is known and that each stage can be validated; a hierarchy that the
goal can be decomposed and that supervision adds value; a negotiation that no single agent can find the answer.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from orchestrator.domain.specs import Assumption, Pattern, WorkflowSpec


class Question(NamedTuple):
    """One assumption as its author is asked about it."""

    id: str
    text: str
    why: str


QUESTIONS: dict[Pattern, tuple[Question, ...]] = {
    "sequential": (
        Question(
            "steps-known",
            "The steps and their order are known before the run starts.",
            "A chain cannot find its way; if the order depends on what is found, choose another pattern.",
        ),
        Question(
            "stages-validated",
            "Each stage's output can be validated before the next stage uses it.",
            "A small flaw in an early stage grows with each stage that builds on it.",
        ),
        Question(
            "validation-affordable",
            "Validating is cheaper than doing the stage again.",
            "Otherwise people will switch the validation off, and the chain carries its errors on.",
        ),
        Question(
            "latency-adds-up",
            "It is acceptable that the stages' times add up.",
            "Nothing runs in parallel in a chain.",
        ),
    ),
    "hierarchical": (
        Question(
            "decomposable",
            "The goal can be divided into parts with clear ends.",
            "A supervisor must name them all.",
        ),
        Question(
            "supervision-adds",
            "A supervisor's judgement adds value.",
            "The group is only as capable as its supervisor.",
        ),
        Question(
            "partial-context",
            "Specialists can work with a part of the context.",
            "They are shown only what they need.",
        ),
    ),
    "negotiation": (
        Question(
            "no-single-agent",
            "No single agent can find the answer alone.",
            "Otherwise negotiation only costs more.",
        ),
        Question(
            "bounded",
            "Rounds, messages and time may be bounded.",
            "An unbounded exchange can go round in circles.",
        ),
        Question(
            "consensus-defined",
            "It is clear what counts as agreement.",
            "Free text that sounds like agreement is none.",
        ),
    ),
}


def check(spec: WorkflowSpec) -> tuple[Assumption, ...]:
    """Every assumption of the pattern with the author's answer and what the system found about it."""
    answers = {given.id: given for given in spec.assumptions}
    return tuple(
        _checked(spec, answers.get(question.id, Assumption(id=question.id)))
        for question in QUESTIONS[spec.pattern]
    )


def _checked(spec: WorkflowSpec, answer: Assumption) -> Assumption:
    if answer.id == "stages-validated":
        bare = [stage.name for stage in spec.stages if not stage.output_schema and not stage.validators]
        if bare:
            return replace(
                answer, checked=False, finding=f"Nothing validates the output of: {', '.join(bare)}."
            )
        return replace(answer, checked=True, finding="Every stage has an output schema or a validator.")
    if answer.id == "steps-known":
        return replace(
            answer, checked=bool(spec.stages), finding=f"{len(spec.stages)} stages in a fixed order."
        )
    if answer.id == "latency-adds-up":
        seconds = sum(
            spec.agents[stage.agent].budget.total_seconds
            for stage in spec.stages
            if stage.agent in spec.agents
        )
        return replace(
            answer, checked=None, finding=f"At worst the stages take {seconds / 60:.0f} minutes together."
        )
    return replace(answer, checked=None, finding="")
