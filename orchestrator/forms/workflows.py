"""The form of a workflow: its own settings, a row for each stage, and the assumptions its pattern rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django import forms

from orchestrator.domain import assumptions, digests, errors, soundness
from orchestrator.domain.patterns.sequential import MAX_REPAIRS
from orchestrator.domain.specs import AgentSpec, Assumption, StageSpec, ValidatorRef, WorkflowSpec
from orchestrator.forms.parts import (
    LinesField,
    SchemaField,
    SpecForm,
    choices,
    offer,
    plain_lines,
    whole_number,
)

REASON = forms.Textarea(attrs={"rows": 2})


class WorkflowForm(SpecForm):
    """A workflow's own settings. `stages` and `assumptions` are forms of their own beside it."""

    aliases = {"stages": "", "pattern": ""}

    name = forms.CharField(max_length=soundness.MAX_NAME)
    slug = forms.CharField(
        label="Short name", max_length=60, help_text="Part of its address. It stays for ever."
    )
    owner = forms.ChoiceField(
        label="Accountable person", help_text="Settles what nobody else can, and may not approve its actions."
    )
    description = forms.CharField(
        required=False, max_length=soundness.MAX_TEXT, widget=forms.Textarea(attrs={"rows": 3})
    )
    policy = forms.ChoiceField(help_text="Decides what of its actions waits for a person.")
    rework_cap = forms.IntegerField(
        label="Times that work may be sent back",
        min_value=0,
        max_value=10,
        initial=2,
        help_text="To the stage before, in the whole run.",
    )
    input_schema = SchemaField(
        required=False,
        label="Input schema",
        help_text="JSON Schema of what a run is started with. Simple types become fields of the start page.",
    )

    def __init__(
        self,
        *args: Any,
        people: Sequence[tuple[str, str]],
        policies: Sequence[str],
        is_new: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "owner", [("", "Choose a person"), *people])
        offer(self, "policy", choices(policies))
        if not is_new:
            self.fields["slug"].disabled = True


class StageForm(SpecForm):
    """One stage: who works, what is shown to them, what is checked afterwards."""

    name = forms.CharField(max_length=60)
    agent = forms.ChoiceField()
    inputs = LinesField(
        required=False,
        max_length=4000,
        label="What it is given",
        help_text="One to a line: name = run.files, or name = stage.field of an earlier stage.",
    )
    validators = LinesField(
        required=False,
        max_length=8000,
        label="Checked by",
        help_text='One to a line: id, then its settings as JSON if any, as in not_empty {"paths": ["invoices"]}.',
    )
    repairs = forms.IntegerField(min_value=0, max_value=MAX_REPAIRS, initial=MAX_REPAIRS, label="Repairs")
    required_actions = forms.BooleanField(
        required=False, label="The run fails when one of its actions is refused"
    )
    output_schema = SchemaField(required=False, label="Output schema", help_text="Empty: the agent's own.")

    def __init__(
        self,
        *args: Any,
        agents: Mapping[str, AgentSpec],
        known: Mapping[tuple[str, int], Any],
        kept: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.agents, self.known = agents, known
        gone = [kept] if kept and kept not in agents else []
        offer(self, "agent", [("", "Choose an agent"), *choices([*agents, *gone])])

    def clean_inputs(self) -> tuple[str, ...]:
        given: set[str] = set()
        for line in self.cleaned_data["inputs"]:
            name, equals, source = (part.strip() for part in line.partition("="))
            if not equals or not name.isidentifier() or not source:
                raise forms.ValidationError(f"{line[:60]!r} does not read name = source.")
            if name in given:
                raise forms.ValidationError(f"{name[:60]!r} is given twice. Give the second another name.")
            given.add(name)
        return tuple(self.cleaned_data["inputs"])

    def clean_validators(self) -> tuple[ValidatorRef, ...]:
        return tuple(self._validator(line) for line in self.cleaned_data["validators"])

    def spec(self) -> StageSpec:
        """The stage, as far as it can be read."""
        agent = self.given("agent")
        schema = self.given("output_schema", {})
        if not schema and agent in self.agents:
            schema = self.agents[agent].output_schema
        pairs = [[part.strip() for part in line.split("=", 1)] for line in self.given("inputs", ())]
        return StageSpec(
            name=self.given("name").strip(),
            agent=agent,
            inputs={pair[0]: pair[1] for pair in pairs if len(pair) == 2},
            output_schema=schema,
            validators=tuple(ref for ref in self.given("validators", ()) if isinstance(ref, ValidatorRef)),
            repairs=self.given("repairs", MAX_REPAIRS),
            required_actions=bool(self.given("required_actions", False)),
        )

    def _validator(self, line: str) -> ValidatorRef:
        head, brace, settings = line.partition("{")
        words = head.split()
        versions = sorted(version for id, version in self.known if words and id == words[0])
        if not versions:
            listed = ", ".join(sorted({id for id, _ in self.known}))
            raise forms.ValidationError(
                f"There is no check {(words or [line])[0][:60]!r}. There are: {listed}."
            )
        version = whole_number(words[1]) if len(words) == 2 else versions[-1]
        if version is None or len(words) > 2:
            raise forms.ValidationError(
                f"{line[:60]!r} does not read id, version if any, settings in braces if any."
            )
        if version not in versions:
            raise forms.ValidationError(f"{words[0]} has no version {version}.")
        try:
            read = json.loads(f"{{{settings}") if brace else {}
            digests.canonical(read)
        except (ValueError, RecursionError, errors.Refused):
            raise forms.ValidationError(f"The settings of {words[0]} are not a JSON object.") from None
        if wrong := self.known[words[0], version].wrong_settings(read):
            raise forms.ValidationError(wrong)
        return ValidatorRef(id=words[0], version=version, settings=read)


class AssumptionForm(SpecForm):
    """The author's answer to one assumption, with its reason."""

    holds = forms.ChoiceField(
        choices=[("yes", "Yes, it holds"), ("no", "No, it does not")],
        widget=forms.RadioSelect,
        label="Does it hold here?",
    )
    reason = forms.CharField(max_length=soundness.MAX_TEXT, widget=REASON, label="Why")

    def __init__(self, question: assumptions.Question, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, prefix=f"assume-{question.id}", **kwargs)
        self.question = question

    def spec(self) -> Assumption:
        return Assumption(
            id=self.question.id,
            holds=self.given("holds") == "yes",
            reason=plain_lines(self.given("reason")),
        )


def initial_of(spec: WorkflowSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in WorkflowForm.base_fields}


def stage_initial(stage: StageSpec, agents: Mapping[str, AgentSpec]) -> dict[str, Any]:
    """A stage as initial values. A schema that is the agent's own is left to the agent."""
    own = agents[stage.agent].output_schema if stage.agent in agents else {}
    return {
        "name": stage.name,
        "agent": stage.agent,
        "inputs": tuple(f"{name} = {source}" for name, source in stage.inputs.items()),
        "validators": tuple(map(_line, stage.validators)),
        "repairs": stage.repairs,
        "required_actions": stage.required_actions,
        "output_schema": {} if stage.output_schema == own else stage.output_schema,
    }


def _line(ref: ValidatorRef) -> str:
    settings = f" {msgspec.json.encode(ref.settings).decode()}" if ref.settings else ""
    return f"{ref.id} {ref.version}{settings}"
