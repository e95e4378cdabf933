"""The form that starts a run: a title, on whose behalf, and a field for each simple setting of the workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from orchestrator.domain import run_inputs, soundness
from orchestrator.domain.run_inputs import Parameter, UnusableParameter
from orchestrator.forms.parts import SpecForm, choices

PREFIX = "setting-"


class StartForm(SpecForm):
    """What a person says when they start a run. `settings()` are the texts of the workflow's own fields."""

    title = forms.CharField(
        required=False,
        max_length=200,
        help_text="What people will read in lists. Empty: the workflow's name.",
    )
    on_behalf_of = forms.CharField(
        required=False, max_length=200, label="On behalf of", help_text="Empty: yourself."
    )

    def __init__(self, *args: Any, schema: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schema = schema
        for parameter in run_inputs.parameters(schema):
            self.fields[PREFIX + parameter.name] = _field(parameter)

    def setting_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    def clean_title(self) -> str:
        return _legible(self.cleaned_data["title"])

    def clean_on_behalf_of(self) -> str:
        return _legible(self.cleaned_data["on_behalf_of"])

    def inputs(self) -> dict[str, Any]:
        """The run's input without its files; what does not fit is said at its field, and None given."""
        given = {
            name.removeprefix(PREFIX): _text(value)
            for name, value in self.cleaned_data.items()
            if name.startswith(PREFIX)
        }
        return run_inputs.read(self.schema, given)

    def is_valid(self) -> bool:
        if super().is_valid():
            try:
                self.inputs()
            except UnusableParameter as unusable:
                self.add_error(PREFIX + unusable.name, unusable.message)
        return not self.errors


def _field(parameter: Parameter) -> forms.Field:
    common: dict[str, Any] = {
        "label": parameter.title,
        "help_text": parameter.description,
        "required": False,
        "initial": parameter.default,
    }
    if parameter.kind == "boolean":
        return forms.ChoiceField(
            choices=choices(["no", "yes"]), **{**common, "initial": parameter.default or "no"}
        )
    if parameter.choices:
        return forms.ChoiceField(choices=choices(parameter.choices), **common)
    return forms.CharField(max_length=2000, **common)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _legible(text: str) -> str:
    hidden = soundness.hidden_characters(text)
    if hidden:
        raise forms.ValidationError(
            f"This holds characters that nobody can see ({', '.join(hidden[:5])}). Take them out."
        )
    return text.strip()
