"""The form that declares a tool: what its arguments mean, how grave a call is, how it is told in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django import forms

from orchestrator.domain import soundness
from orchestrator.domain.outside import OfferedTool
from orchestrator.domain.specs import ToolSpec
from orchestrator.forms.agents import CATEGORIES
from orchestrator.forms.parts import SchemaField, SpecForm, choices, offer, plain_lines

REVERSIBILITY = [
    ("reversible", "Can be undone"),
    ("compensable", "Can be made good by another action"),
    ("irreversible", "Cannot be undone"),
]


class ToolForm(SpecForm):
    """A declaration. `parameters` is the schema of the registered function, which the form does not change."""

    aliases = {"parameters": "name"}

    name = forms.ChoiceField(label="Function", help_text="The registered function that a call runs.")
    description = forms.CharField(
        max_length=soundness.MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Agents and reviewers read it.",
    )
    sentence = forms.CharField(
        required=False,
        max_length=300,
        help_text="What a reviewer reads, with arguments in braces, as in Pay {amount} to {payee}.",
    )
    otherwise = forms.CharField(
        required=False,
        max_length=300,
        label="What it means for the person if it is rejected",
        help_text="Reviewers read it beside the decision, as in {applicant} keeps the present rate. An argument in "
        "braces that the agent fills in is shown as its claim.",
    )
    category = forms.ChoiceField(
        choices=CATEGORIES,
        label="Kind of action",
        help_text="Financial, safety-critical and what affects a person always wait for a person.",
    )
    reads_only = forms.BooleanField(
        required=False,
        label="It only reads",
        help_text="Such a call runs at once, unless its caller chooses whom it reaches.",
    )
    reversibility = forms.ChoiceField(choices=REVERSIBILITY, initial="irreversible", label="After a mistake")
    idempotent = forms.BooleanField(
        required=False,
        label="The same call never happens twice",
        help_text="Only then is it tried again after a crash.",
    )
    target_field = forms.ChoiceField(required=False, label="Argument with the target")
    amount_field = forms.ChoiceField(required=False, label="Argument with the amount")
    currency_field = forms.ChoiceField(required=False, label="Argument with the currency")
    person_field = forms.ChoiceField(required=False, label="Argument with the affected person")
    non_semantic = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Not sealed",
        help_text="Arguments that may differ without changing what is signed off, such as a note.",
    )
    timeout_seconds = forms.FloatField(label="Time limit, seconds", min_value=1, max_value=3600, initial=60)

    def __init__(
        self,
        *args: Any,
        names: Sequence[str],
        parameters: Mapping[str, Any],
        is_new: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.parameters = dict(parameters)
        offer(self, "name", choices(names))
        self.fields["name"].disabled = not is_new
        known = choices(self.parameters.get("properties", {}))
        for field in ("target_field", "amount_field", "currency_field", "person_field"):
            offer(self, field, [("", "none"), *known])
        offer(self, "non_semantic", known)

    def is_valid(self) -> bool:
        if super().is_valid():
            self.show(soundness.tool_faults(self.spec()))
        return not self.errors

    def spec(self) -> ToolSpec:
        """The spec that the form says, as far as it can be read."""
        return ToolSpec(
            name=self.given("name"),
            description=plain_lines(self.given("description")),
            parameters=self.parameters or {"type": "object"},
            sentence=self.given("sentence").strip(),
            otherwise=self.given("otherwise").strip(),
            category=self.given("category") or "routine",
            reads_only=bool(self.given("reads_only", False)),
            reversibility=self.given("reversibility") or "irreversible",
            idempotent=bool(self.given("idempotent", False)),
            target_field=self.given("target_field"),
            amount_field=self.given("amount_field"),
            currency_field=self.given("currency_field"),
            person_field=self.given("person_field"),
            non_semantic=self.chosen("non_semantic"),
            timeout_seconds=self.given("timeout_seconds", 60.0),
        )


class ElsewhereToolForm(ToolForm):
    """The declaration of a tool that no function here stands for: agents that work elsewhere have it. Its name and
    its schema are typed; the arguments can be chosen once the schema is there."""

    aliases = {}

    name = forms.CharField(  # type: ignore[assignment]
        max_length=100,
        label="Name",
        help_text="As its agent names it, in small letters, such as crm.send_letter.",
    )
    schema = SchemaField(
        label="Arguments",
        help_text="JSON Schema of an object: what a call must look like, or it is refused.",
    )

    field_order = ("name", "schema")

    def __init__(self, *args: Any, parameters: Mapping[str, Any], **kwargs: Any) -> None:
        data = args[0] if args else None
        if data is not None and "schema" in data:
            try:
                parameters = SchemaField(required=False).clean(data["schema"])
            except forms.ValidationError:
                parameters = {}
        elif parameters:
            kwargs["initial"] = {**(kwargs.get("initial") or {}), "schema": dict(parameters)}
        super().__init__(*args, names=(), parameters=parameters, **kwargs)

    def show(self, faults: Any) -> None:
        super().show(
            fault._replace(field="schema" if fault.field == "parameters" else fault.field) for fault in faults
        )


class OutsideToolForm(ElsewhereToolForm):
    """The declaration of a tool of an external MCP server. Its schema is that server's and is not changed here;
    `offered` is what the server says now, None while somebody only types."""

    schema = SchemaField(required=False, widget=forms.HiddenInput)
    server = forms.CharField(max_length=500, widget=forms.HiddenInput)
    remote = forms.CharField(max_length=300, widget=forms.HiddenInput)
    pinned = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, offered: OfferedTool | None = None, **kwargs: Any) -> None:
        self.offered = offered
        super().__init__(*args, **kwargs)

    def is_valid(self) -> bool:
        fine = super().is_valid()
        now, shown = self.offered, self.given("pinned")
        if fine and now is not None and (now.digest != shown or now.parameters != self.parameters):
            self.add_error(
                None, "Its server says something else of it by now. Open this page again and look at it."
            )
        return fine and not self.errors

    def spec(self) -> ToolSpec:
        return msgspec.structs.replace(
            super().spec(),
            server=self.given("server"),
            remote=self.given("remote"),
            pinned=self.given("pinned"),
        )


def initial_of(spec: ToolSpec) -> dict[str, Any]:
    found = {name: getattr(spec, name) for name in ToolForm.base_fields}
    return {**found, "timeout_seconds": f"{spec.timeout_seconds:g}"}
