"""What must hold between two stages, whoever did the work: nothing is lost, no fact changes, sums agree.

Each reads an output that is untrusted and says what is wrong in words its agent can act on. Settings: `from`, the
input that the entries came in by; `passed`, the output's list of what goes on ("invoices"); `also`, inputs whose
entries are carried along as rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from examples.invoice_settlement import money, wording
from orchestrator.adapters import registry
from orchestrator.domain.validation import Finding

FACTS = (
    "file",
    "digest",
    "number",
    "supplier",
    "supplier_vat",
    "iban",
    "other_ibans",
    "bic",
    "payable",
    "currency",
    "issue_date",
    "due_date",
    "orders",
)
# Set by risk from the supplier's record; from then on as fixed as the rest.
_RECORD = ("pay_to", "pay_iban")
_CITED = ("number", "supplier", "iban", "payable")
_SHOWN = 20

Settings = Mapping[str, Any]


@registry.validator("invoice_settlement.nothing_lost", settings=("from", "passed", "also"))
def nothing_lost(output: Any, inputs: Any, settings: Settings) -> Finding | None:
    """Each file or invoice that came in leaves exactly once, passed on or rejected; none is invented."""
    passed, rejected = _listed(output, settings.get("passed", "invoices")), _listed(output, "rejected")
    came: Counter[tuple[str, str]]
    if settings.get("from", "invoices") == "files":
        came = Counter((_text(file, "name"), _text(file, "digest")) for file in _listed(inputs, "files"))
        tables = [entry.get("file") for entry in _listed(output, "tables")]
        left = Counter(
            (_text(e, "file"), _text(e, "digest"))
            for e in (*passed, *rejected, *_listed(output, "set_aside"))
        )
        left += Counter(
            (_text(file, "name"), _text(file, "digest")) for file in tables if isinstance(file, dict)
        )
        ids = Counter(_text(entry, "id") for entry in (*passed, *rejected))
        again = [
            f"The id {_show(id)} is used {count} times; give each entry its own."
            for id, count in ids.items()
            if count > 1
        ]
    else:
        names = [settings.get("from", "invoices"), *settings.get("also", ())]
        came = Counter((_text(entry, "id"), "") for name in names for entry in _listed(inputs, name))
        left = Counter((_text(entry, "id"), "") for entry in (*passed, *rejected))
        again = []
    lost = [
        f"{_show(name)} came in and is missing; list it as passed or rejected." for name, _ in (came - left)
    ]
    invented = [
        f"{_show(name)} did not come in, or is listed twice; leave it out." for name, _ in (left - came)
    ]
    return _finding([*lost, *invented, *again])


@registry.validator("invoice_settlement.facts_unchanged", settings=("from", "passed"))
def facts_unchanged(output: Any, inputs: Any, settings: Settings) -> Finding | None:
    """Amounts, currencies, accounts, numbers and names are handed on as they came; flags are only added."""
    came = {_text(entry, "id"): entry for entry in _listed(inputs, settings.get("from", "invoices"))}
    problems = []
    for entry in _listed(output, settings.get("passed", "invoices")):
        id = _text(entry, "id")
        before = came.get(id)
        if before is None:
            continue  # nothing_lost says so
        for fact in (*FACTS, *(name for name in _RECORD if name in before)):
            if _plain(before.get(fact)) != _plain(entry.get(fact)):
                problems.append(
                    f"{_show(id)}: {fact} was changed from {_show(before.get(fact))} to {_show(entry.get(fact))}. "
                    "Hand it on as it came."
                )
        codes = {_text(flag, "code") for flag in _listed(entry, "flags")}
        dropped = sorted({_text(flag, "code") for flag in _listed(before, "flags")} - codes)
        if dropped:
            problems.append(
                f"{_show(id)}: the flags {', '.join(map(_show, dropped))} were dropped. Keep them."
            )
        if "pay_iban" in entry and entry["pay_iban"] not in (
            entry.get("iban"),
            *_plain(entry.get("other_ibans")),
        ):
            problems.append(f"{_show(id)}: {_show(entry['pay_iban'])} is no account that the invoice names.")
    for entry in _listed(output, "rejected"):
        before = came.get(_text(entry, "id"))
        amount = _text(entry, "amount"), _text(entry, "currency")
        if before is not None and amount != (_text(before, "payable"), _text(before, "currency")):
            problems.append(
                f"{_show(entry.get('id'))}: a rejected entry keeps the invoice's amount and currency."
            )
    return _finding(problems)


@registry.validator("invoice_settlement.totals_preserved", settings=("from", "passed"))
def totals_preserved(output: Any, inputs: Any, settings: Settings) -> Finding | None:
    """By currency, what came in is what goes on and what was rejected here; stated totals are those of what goes on."""
    entries = _listed(inputs, settings.get("from", "invoices"))
    ids = {_text(entry, "id") for entry in entries}
    passed = _listed(output, settings.get("passed", "invoices"))
    problems: list[str] = []
    came = _sums(((e.get("payable"), e.get("currency")) for e in entries), problems)
    goes_on = _sums(((e.get("payable"), e.get("currency")) for e in passed), problems)
    rejected = [e for e in _listed(output, "rejected") if _text(e, "id") in ids]
    left = _sums(((e.get("amount"), e.get("currency")) for e in rejected), problems)
    for currency in sorted({*came, *goes_on, *left}):
        total = money.total((goes_on.get(currency, Decimal(0)), left.get(currency, Decimal(0))))
        if total != came.get(currency, Decimal(0)):
            problems.append(
                f"{came.get(currency, 0)} {currency} came in, but {goes_on.get(currency, 0)} go on and "
                f"{left.get(currency, 0)} were rejected. The two must sum to what came in."
            )
    stated = output.get("totals") if isinstance(output, dict) else None
    if isinstance(stated, dict) and _sums(((v, k) for k, v in stated.items()), problems) != goes_on:
        problems.append("`totals` is not the sum of what goes on, by currency.")
    return _finding(problems)


@registry.validator("invoice_settlement.evidence_cited", settings=("from", "passed"))
def evidence_cited(output: Any, inputs: Any, settings: Settings) -> Finding | None:
    """Number, supplier, account and amount of each invoice name their place in its own file, by its digest."""
    known = {_text(file, "digest") for file in _listed(inputs, settings.get("from", "files"))}
    problems = []
    for entry in _listed(output, settings.get("passed", "invoices")):
        id, where = _show(entry.get("id")), entry.get("where")
        for fact in _CITED:
            cited = where.get(fact) if isinstance(where, dict) else None
            if not isinstance(cited, dict) or not cited.get("locator"):
                problems.append(f"{id}: `where` does not say which element holds the {fact}.")
            elif cited.get("digest") != entry.get("digest") or cited.get("digest") not in known:
                problems.append(f"{id}: the place of the {fact} is not in the invoice's own file.")
    return _finding(problems)


def _finding(problems: list[str]) -> Finding | None:
    if not problems:
        return None
    more = [f"{len(problems) - _SHOWN} more of this kind."] if len(problems) > _SHOWN else []
    shown = [*problems[:_SHOWN], *more]
    return Finding(outcome="repairable", text="\n".join(shown), evidence=tuple(shown))


def _listed(value: Any, name: str) -> list[dict[str, Any]]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, (list, tuple)) else []


def _text(entry: Any, name: str) -> str:
    return str(entry.get(name, "")) if isinstance(entry, Mapping) else ""


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else ([] if value is None else value)


def _show(value: Any) -> str:
    return repr(wording.visible(str(value), 80))


def _sums(pairs: Iterable[tuple[Any, Any]], problems: list[str]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for amount, currency in pairs:
        number = money.parse(str(amount))
        if number is None or money.decimals(str(currency)) is None:
            problems.append(f"{_show(amount)} {_show(currency)} is no amount.")
            continue
        sums[str(currency)] = money.total((sums.get(str(currency), Decimal(0)), number))
    return sums
