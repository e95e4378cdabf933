"""Fields and habits that the forms share: lines, JSON, bounded text, faults of the domain shown at their field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from django import forms

from orchestrator.domain.soundness import MAX_SCHEMA, Fault


class LinesField(forms.CharField):
    """One entry to a line, as a tuple. Empty lines are left out."""

    widget = forms.Textarea(attrs={"rows": 3})

    def clean(self, value: Any) -> tuple[str, ...]:
        text = super().clean(value)
        return tuple(line.strip() for line in text.splitlines() if line.strip())

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, (list, tuple)) else value


class SchemaField(forms.CharField):
    """A JSON object as text. Empty means none."""

    widget = forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"})

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_SCHEMA, **options)

    def clean(self, value: Any) -> dict[str, Any]:
        text = super().clean(value)
        if not text.strip():
            return {}
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}."
            ) from None
        except ValueError:
            raise forms.ValidationError("A number in this JSON has too many digits.") from None
        except RecursionError:
            raise forms.ValidationError("This JSON is nested too deeply.") from None
        if not isinstance(found, dict):
            raise forms.ValidationError("A schema is a JSON object, in braces.")
        return found

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
        return value


class SpecForm(forms.Form):
    """A form that gives a spec. `aliases` maps the domain's field names to the form's, where they differ."""

    aliases: Mapping[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # The server says what is wrong, at the field and in our words.
            field.widget.use_required_attribute = lambda initial: False

    def given(self, name: str, default: Any = "") -> Any:
        """What was given for a field, when it could be read; else the default. For previews of unfinished forms."""
        value = getattr(self, "cleaned_data", {}).get(name)
        return default if value is None else value

    def chosen(self, name: str) -> tuple[str, ...]:
        """What was ticked, in the order of the published spec, so that only a real change is one."""
        before = list(self.initial.get(name) or ())
        ticked = self.given(name, [])
        return tuple(
            sorted(ticked, key=lambda value: before.index(value) if value in before else len(before))
        )

    def show(self, faults: Iterable[Fault]) -> None:
        """Put the domain's faults where they belong. One that a field already says is not said twice."""
        for fault in faults:
            name = self.aliases.get(fault.field, fault.field)
            place = name if name in self.fields else None
            said = self.non_field_errors() if place is None else self.errors.get(place)
            if not said or (place is None and fault.text not in said):
                self.add_error(place, fault.text)


def typed(data: Mapping[str, str], form: type[forms.Form], prefix: str = "") -> dict[str, Any]:
    """What was typed into a form, as initial values: the page shows it again and complains of nothing yet."""
    start = f"{prefix}-" if prefix else ""
    return {
        name: f"{start}{name}" in data
        if isinstance(field, forms.BooleanField)
        else data.get(f"{start}{name}", "")
        for name, field in form.base_fields.items()
    }


def offer(form: forms.Form, name: str, offered: Iterable[tuple[str, str]]) -> None:
    """What can be chosen in this field of this form."""
    cast("forms.ChoiceField", form.fields[name]).choices = list(offered)


def choices(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


def whole_number(text: str) -> int | None:
    """The number that a hidden field or an address names; None for anything that is none, or is absurdly long."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def plain_lines(text: str) -> str:
    """A browser sends CRLF; what is published and compared has plain line ends."""
    return text.replace("\r\n", "\n").strip()
