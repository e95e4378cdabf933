"""The invariants between stages catch what an agent must not do: lose, invent, change, drop a flag, miscount."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from examples.invoice_settlement import validators
from orchestrator.domain.validation import Finding
from tests.examples import chain
from tests.examples.invoice_settlement.documents import invoice, line, tables

FOLDER = {
    "a.xml": invoice().encode(),
    "b.xml": invoice(
        number="LW-101", supplier="Linsen <b>Werk</b> GmbH", lines=[line(quantity="5")]
    ).encode(),
    "c.xml": invoice(number="LW-102", lines=[line(quantity="500")]).encode(),
    "d.xml": b"",
    "README.md": b"",
    **tables(),
}
FOUND = chain.run(FOLDER)
SAMPLE = chain.run(chain.folder(chain.EXAMPLE / "files"))


def findings(stage: str, output: Any, inputs: Any = None) -> dict[str, Finding]:
    """What the stage's own validators, with the settings of workflow.toml, find."""
    declared = next(entry for entry in chain.STAGES if entry["name"] == stage)["validators"]
    found = {}
    for reference in declared:
        function: Callable[..., Finding | None] = getattr(
            validators, reference["id"].removeprefix("invoice_settlement.")
        )
        finding = function(output, FOUND.inputs[stage] if inputs is None else inputs, reference["settings"])
        if finding is not None:
            found[reference["id"].removeprefix("invoice_settlement.")] = finding
    return found


@pytest.mark.parametrize("stage", ["intake", "matcher", "risk", "treasurer"])
def test_what_the_code_agents_do_is_found_right(stage: str) -> None:
    assert findings(stage, FOUND.outputs[stage]) == {}
    assert findings(stage, SAMPLE.outputs[stage], SAMPLE.inputs[stage]) == {}


def lists(stage: str) -> str:
    return "payments" if stage == "treasurer" else "invoices"


def drop_one(output: Any, key: str) -> None:
    del output[key][0]


def drop_rejected(output: Any, key: str) -> None:
    del output["rejected"][0]


def twice(output: Any, key: str) -> None:
    output[key].append(copy.deepcopy(output[key][0]))


def invent(output: Any, key: str) -> None:
    output[key].append({**output[key][0], "id": "ghost.xml", "file": "ghost.xml"})


def passed_and_rejected(output: Any, key: str) -> None:
    entry = output[key][0]
    output["rejected"].append({"id": entry["id"], "file": entry["file"], "digest": entry["digest"]})


@pytest.mark.parametrize("stage", ["intake", "matcher", "risk", "treasurer"])
@pytest.mark.parametrize("change", [drop_one, drop_rejected, twice, invent, passed_and_rejected])
def test_nothing_may_vanish_or_appear(stage: str, change: Callable[[Any, str], None]) -> None:
    output = copy.deepcopy(FOUND.outputs[stage])
    if change is drop_rejected and not output["rejected"]:
        output = copy.deepcopy(SAMPLE.outputs[stage])
        change(output, lists(stage))
        assert "nothing_lost" in findings(stage, output, SAMPLE.inputs[stage])
        return
    change(output, lists(stage))
    assert findings(stage, output)["nothing_lost"].outcome == "repairable"


def test_a_table_and_a_file_set_aside_may_not_vanish_either() -> None:
    for key in ("tables", "set_aside"):
        output = copy.deepcopy(FOUND.outputs["intake"])
        del output[key][0]
        assert "nothing_lost" in findings("intake", output)


@pytest.mark.parametrize("stage", ["matcher", "risk", "treasurer"])
@pytest.mark.parametrize("fact", validators.FACTS)
def test_no_fact_may_change(stage: str, fact: str) -> None:
    output = copy.deepcopy(FOUND.outputs[stage])
    output[lists(stage)][0][fact] = ["NL43ZZZZ0417164300"] if fact in {"other_ibans", "orders"} else "1"
    finding = findings(stage, output)["facts_unchanged"]
    assert f"{fact} was changed" in finding.text
    assert "'a.xml'" in finding.text


@pytest.mark.parametrize("field", ["pay_iban", "pay_to"])
def test_the_payee_may_not_change_after_risk(field: str) -> None:
    output = copy.deepcopy(FOUND.outputs["treasurer"])
    output["payments"][0][field] = "NL43ZZZZ0417164300"
    assert f"{field} was changed" in findings("treasurer", output)["facts_unchanged"].text


def test_risk_may_not_pay_an_account_that_the_invoice_does_not_name() -> None:
    output = copy.deepcopy(FOUND.outputs["risk"])
    output["invoices"][0]["pay_iban"] = "NL43ZZZZ0417164300"
    assert "no account that the invoice names" in findings("risk", output)["facts_unchanged"].text


@pytest.mark.parametrize("stage", ["matcher", "risk", "treasurer"])
def test_a_flag_may_not_be_dropped(stage: str) -> None:
    output = copy.deepcopy(FOUND.outputs[stage])
    flagged = next(entry for entry in output[lists(stage)] if entry["id"] == "b.xml")
    flagged["flags"] = [flag for flag in flagged["flags"] if flag["code"] != "markup_in_text"]
    assert "markup_in_text" in findings(stage, output)["facts_unchanged"].text


@pytest.mark.parametrize("stage", ["matcher", "risk", "treasurer"])
def test_sums_must_agree(stage: str) -> None:
    output = copy.deepcopy(FOUND.outputs[stage])
    output[lists(stage)][0]["payable"] = "119.01"
    assert "178.51 go on" in findings(stage, output)["totals_preserved"].text


def test_stated_totals_must_be_those_of_the_payments() -> None:
    output = copy.deepcopy(FOUND.outputs["treasurer"])
    output["totals"] = {"EUR": "1.00"}
    assert "`totals` is not the sum" in findings("treasurer", output)["totals_preserved"].text


@pytest.mark.parametrize("fact", ["number", "supplier", "iban", "payable"])
def test_evidence_must_be_in_the_invoices_own_file(fact: str) -> None:
    output = copy.deepcopy(FOUND.outputs["intake"])
    output["invoices"][0]["where"][fact]["digest"] = output["invoices"][1]["digest"]
    assert fact in findings("intake", output)["evidence_cited"].text
    del output["invoices"][0]["where"][fact]
    assert fact in findings("intake", output)["evidence_cited"].text


@pytest.mark.parametrize(
    "garbage", [None, [], "text", 5, {}, {"invoices": 5, "rejected": "x", "payments": [1, None]}]
)
@pytest.mark.parametrize("stage", ["intake", "matcher", "risk", "treasurer"])
def test_garbage_is_a_finding_and_never_an_error(stage: str, garbage: Any) -> None:
    assert "nothing_lost" in findings(stage, garbage)
