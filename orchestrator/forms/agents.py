"""The form of an agent: who answers for it, what it is, what it may attempt, what it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from django import forms

from orchestrator.domain import currencies, soundness, wording
from orchestrator.domain.specs import AgentKind, AgentSpec, Budget, Category, Limit, Scope, ToolSpec
from orchestrator.forms.parts import LinesField, SchemaField, SpecForm, choices, offer, plain_lines

CATEGORIES = [(category, wording.CATEGORY_WORDS[category].capitalize()) for category in get_args(Category)]
BLANK_LIMITS = 2


class AgentForm(SpecForm):
    """The settings of one agent revision. Its limits are the rows of `limits`."""

    aliases = {"reference": "function"}

    name = forms.CharField(
        max_length=soundness.MAX_NAME, help_text="What people read, such as Invoice reader."
    )
    slug = forms.CharField(
        label="Short name", max_length=60, help_text="Part of its address. It stays for ever."
    )
    owner = forms.ChoiceField(
        label="Accountable person",
        help_text="Answers for what it does. They may reject its actions, never approve them.",
    )
    kind = forms.ChoiceField(
        label="What it is",
        choices=[
            ("code", "A registered function"),
            ("model", "A language model"),
            ("external", "A program that runs elsewhere"),
        ],
        widget=forms.RadioSelect,
        initial="code",
    )
    function = forms.ChoiceField(required=False, label="Function")
    model = forms.CharField(
        required=False,
        max_length=200,
        label="Model",
        help_text="Provider and name, as in openai:gpt-5 or ollama:qwen3.",
    )
    framework = forms.CharField(
        required=False,
        max_length=200,
        label="Framework",
        help_text="What it is written with, for people to know. It calls with a token made on its page.",
    )
    base_url = forms.CharField(
        required=False,
        max_length=300,
        label="Server",
        help_text="Only for a server of your own, as in http://127.0.0.1:11434/v1.",
    )
    instructions = forms.CharField(
        required=False,
        max_length=soundness.MAX_INSTRUCTIONS,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="What the model is told its work is.",
    )
    tools = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Tools it may name",
        help_text="Every other tool is refused.",
    )
    categories = forms.MultipleChoiceField(
        required=False,
        choices=CATEGORIES,
        widget=forms.CheckboxSelectMultiple,
        label="Kinds of action it may propose",
    )
    resources = LinesField(
        required=False,
        max_length=4000,
        label="Only these targets",
        help_text="One pattern to a line, with * and ?. Empty: any target.",
    )
    turns = forms.IntegerField(label="Turns in a stage", min_value=1, max_value=200, initial=20)
    total_seconds = forms.FloatField(label="Seconds for one turn", min_value=1, max_value=86_400, initial=300)
    idle_seconds = forms.FloatField(label="Seconds of silence", min_value=1, max_value=86_400, initial=60)
    output_tokens = forms.IntegerField(
        label="Tokens in a reply", min_value=1, max_value=1_000_000, initial=8192
    )
    cost = forms.CharField(required=False, max_length=20, label="Cost limit, USD", help_text="Empty: none.")
    isolated = forms.BooleanField(
        required=False,
        label="Run in a process of its own",
        help_text="For functions that need much CPU or are not trusted: they can be ended at any time.",
    )
    output_schema = SchemaField(
        required=False,
        label="Output schema",
        help_text="JSON Schema of what it gives. Empty: the function's own.",
    )
    notes = forms.CharField(
        required=False, max_length=soundness.MAX_TEXT, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(
        self,
        *args: Any,
        people: Sequence[tuple[str, str]],
        functions: Mapping[str, Mapping[str, Any]],
        tools: Mapping[str, ToolSpec],
        is_new: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.known_tools, self.functions = tools, functions
        self.known_currencies = sorted(currencies.MINOR_UNITS)
        offer(self, "owner", [("", "Choose a person"), *people])
        offer(self, "function", [("", "Choose a function"), *choices(self._kept("function", functions))])
        offered = choices(self._kept("tools", tools))
        offer(self, "tools", offered)
        if not is_new:
            self.fields["slug"].disabled = True
        data = args[0] if args else kwargs.get("data")
        rows = (kwargs.get("initial") or {}).get("limits", [])
        self.limits = limit_forms(data, rows, offered)

    def _kept(self, name: str, known: Mapping[str, Any]) -> list[str]:
        """What is known now, and what the published revision names although it is gone."""
        before = self.initial.get(name) or []
        before = [before] if isinstance(before, str) else list(before)
        return [*known, *(value for value in before if value not in known)]

    def is_valid(self) -> bool:
        limits_fine = not [form for form in self.limits if not form.is_valid()]
        if super().is_valid() and limits_fine:
            self.show(soundness.agent_faults(self.spec()))
        return not self.errors and limits_fine

    def show(self, faults: Any) -> None:
        chosen = {"code": "function", "external": "framework"}.get(self.given("kind"), "model")
        super().show(
            [fault._replace(field=chosen if fault.field == "reference" else fault.field) for fault in faults]
        )

    def spec(self) -> AgentSpec:
        """The spec that the form says, as far as it can be read."""
        kind = cast("AgentKind", self.given("kind", "code") or "code")
        is_code, is_model = kind == "code", kind == "model"
        reference = self.given({"code": "function", "model": "model"}.get(kind, "framework"))
        schema = self.given("output_schema", {})
        if not schema and is_code:
            schema = dict(self.functions.get(reference, {}))
        return AgentSpec(
            slug=self.given("slug"),
            name=self.given("name"),
            owner=self.given("owner"),
            kind=kind,
            reference=reference.strip(),
            instructions=plain_lines(self.given("instructions")) if is_model else "",
            base_url=self.given("base_url").strip() if is_model else "",
            scope=Scope(
                tools=self.chosen("tools"),
                categories=cast("tuple[Category, ...]", self.chosen("categories")),
                resources=tuple(self.given("resources", ())),
                limits=tuple(limit for form in self.limits if (limit := form.limit()) is not None),
            ),
            budget=Budget(
                turns=self.given("turns", 20),
                total_seconds=self.given("total_seconds", 300.0),
                idle_seconds=self.given("idle_seconds", 60.0),
                output_tokens=self.given("output_tokens", 8192),
                cost=self.given("cost").strip() or None,
            ),
            output_schema=schema,
            isolated=bool(self.given("isolated", False)),
            notes=plain_lines(self.given("notes")),
        )


class LimitForm(SpecForm):
    """One ceiling on amounts. A row without a currency is no limit."""

    currency = forms.CharField(
        required=False,
        max_length=3,
        widget=forms.TextInput(attrs={"placeholder": "EUR", "size": 4, "list": "known-currencies"}),
    )
    per_action = forms.RegexField(
        r"^[0-9]{1,15}(\.[0-9]{1,4})?$",
        required=False,
        label="For one action",
        error_messages={"invalid": "Write the amount as 10000.00."},
    )
    rolling = forms.RegexField(
        r"^[0-9]{1,15}(\.[0-9]{1,4})?$",
        required=False,
        label="All together",
        error_messages={"invalid": "Write the amount as 10000.00."},
    )
    window_hours = forms.IntegerField(required=False, min_value=1, max_value=24 * 366, label="Hours")
    tool = forms.ChoiceField(required=False)

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        currency = found.get("currency", "")
        named = found.get("per_action") or found.get("rolling")
        if named and not currency:
            self.add_error("currency", "Say in which currency.")
        if currency and not self.errors and not named:
            self.add_error("per_action", "Give an amount for one action or for all together.")
        if currency and not currencies.is_known(currency):
            self.add_error("currency", currencies.unknown(currency))
        return found

    def limit(self) -> Limit | None:
        currency = self.given("currency")
        if not currency or not (self.given("per_action") or self.given("rolling")):
            return None
        return Limit(
            currency=currency,
            per_action=self.given("per_action") or None,
            rolling=self.given("rolling") or None,
            window_hours=self.given("window_hours", 24),
            tool=self.given("tool") or "*",
        )


def limit_forms(
    data: Any, rows: Sequence[Mapping[str, Any]], tools: list[tuple[str, str]]
) -> list[LimitForm]:
    """The rows of limits that were sent, or those of the spec, each time with some blank ones at the end."""
    if data is not None:
        count = sum(1 for name in data if name.startswith("limit-") and name.endswith("-currency"))
        forms_ = [LimitForm(data, prefix=f"limit-{place}") for place in range(min(count, 50))]
    else:
        initial = [*rows, *({"window_hours": 24} for _ in range(BLANK_LIMITS))]
        forms_ = [LimitForm(initial=dict(row), prefix=f"limit-{place}") for place, row in enumerate(initial)]
    for form in forms_:
        offer(form, "tool", [("*", "any tool"), *tools])
    return forms_


def initial_of(spec: AgentSpec) -> dict[str, Any]:
    """A spec as the form's initial values."""
    budget = spec.budget
    return {
        "slug": spec.slug,
        "name": spec.name,
        "owner": spec.owner,
        "kind": spec.kind,
        "function": spec.reference if spec.kind == "code" else "",
        "model": spec.reference if spec.kind == "model" else "",
        "framework": spec.reference if spec.kind == "external" else "",
        "base_url": spec.base_url,
        "instructions": spec.instructions,
        "tools": list(spec.scope.tools),
        "categories": list(spec.scope.categories),
        "resources": spec.scope.resources,
        "limits": [
            {name: getattr(limit, name) for name in limit.__struct_fields__} for limit in spec.scope.limits
        ],
        "turns": budget.turns,
        "total_seconds": f"{budget.total_seconds:g}",
        "idle_seconds": f"{budget.idle_seconds:g}",
        "output_tokens": budget.output_tokens,
        "cost": budget.cost or "",
        "isolated": spec.isolated,
        "output_schema": spec.output_schema,
        "notes": spec.notes,
    }
