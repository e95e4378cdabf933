"""The sample folder ends where its own README says."""

from __future__ import annotations

import re

import pytest

from tests.examples import chain

FILES = chain.EXAMPLE / "files"
TABLES = {"purchase_orders.csv", "goods_receipts.csv", "suppliers.csv", "paid_invoices.csv"}
PROMISED = dict(
    re.findall(r"^\| (\S+\.xml) \| (\S+) \|", (FILES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.fixture(scope="module")
def sample() -> chain.Chain:
    return chain.run(chain.folder(FILES))


def test_the_readme_names_every_invoice_of_the_folder() -> None:
    assert set(PROMISED) == {file.name for file in FILES.glob("*")} - TABLES - {"README.md"}
    assert list(PROMISED.values()).count("payments.pay") >= 4


@pytest.mark.parametrize(("name", "end"), PROMISED.items())
def test_each_sample_ends_where_the_readme_says(sample: chain.Chain, name: str, end: str) -> None:
    assert sample.ends[name] == end


def test_each_payment_is_one_action_with_the_facts_of_its_invoice(sample: chain.Chain) -> None:
    assert len(sample.actions) == len(sample.proposed)
    for action in sample.actions:
        payment = sample.proposed[action.call_id.removeprefix("pay ")]
        assert action.tool == "payments.pay"
        assert (action.arguments["amount"], action.arguments["currency"]) == (
            payment["payable"],
            payment["currency"],
        )
        assert action.arguments["iban"] == payment["iban"]
        assert action.reason == payment["reason"]


def test_the_large_payment_is_82_000_euros(sample: chain.Chain) -> None:
    payment = sample.proposed["acme_RE-2026-1184.xml"]
    assert (payment["payable"], payment["currency"], payment["pay_to"]) == (
        "82000.00",
        "EUR",
        "ACME Industrietechnik GmbH",
    )


def test_the_totals_are_the_sums_by_currency(sample: chain.Chain) -> None:
    assert sample.outputs["treasurer"]["totals"] == {"EUR": "128994.12", "SEK": "96487.50"}


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("moravske_2026110007.xml", "first_payment"),
        ("havn_55014.xml", "unusual_amount"),
        ("kestrel_KO-3391.xml", "markup_in_text"),
        ("kestrel_KO-3391.xml", "name_differs"),
        ("nordlicht_91822.xml", "price_within_tolerance"),
    ],
)
def test_a_flag_is_in_the_reason_and_the_evidence_that_a_reviewer_sees(
    sample: chain.Chain, name: str, flag: str
) -> None:
    payment = sample.proposed[name]
    raised = next(entry for entry in payment["flags"] if entry["code"] == flag)
    action = next(action for action in sample.actions if action.call_id == f"pay {name}")
    assert raised["sentence"] in action.reason
    assert raised["sentence"] in action.arguments["note"]
    assert {entry["locator"] for entry in raised["evidence"]} <= {entry.locator for entry in action.evidence}


def test_a_name_with_script_is_kept_as_it_is_and_the_record_is_paid(sample: chain.Chain) -> None:
    payment = sample.proposed["kestrel_KO-3391.xml"]
    assert payment["supplier"] == 'Kestrel Optics <script>fetch("/inbox/")</script> Ltd'
    assert payment["pay_to"] == "Kestrel Optics Ltd"


def test_a_sentence_shows_the_hidden_characters_of_a_name(sample: chain.Chain) -> None:
    entry = sample.rejected["tamgib_0001.xml"]
    assert "<U+202E>" in entry["sentence"]
    assert "\u202e" not in entry["sentence"]
    assert "\u202e" in entry["supplier"]


def test_no_entity_was_followed(sample: chain.Chain) -> None:
    for name in ("helios_XB-1.xml", "helios_XE-2.xml"):
        assert "root:" not in str(sample.rejected[name])
        assert sample.rejected[name]["evidence"][0]["line"] == 2


def test_every_rejected_entry_says_what_where_and_what_to_do(sample: chain.Chain) -> None:
    for name, entry in sample.rejected.items():
        assert entry["file"] == name
        assert entry["sentence"].startswith(name)
        assert entry["sentence"].endswith(".")
        assert entry["evidence"], name
        assert all(len(cited["digest"]) == 64 for cited in entry["evidence"])


def test_every_assertion_cites_a_file_an_element_a_line_and_the_files_digest(sample: chain.Chain) -> None:
    digests = {file["digest"] for file in sample.inputs["intake"]["files"]}
    for reply in sample.replies.values():
        for assertion in reply.assertions:
            assert assertion.evidence
            for cited in assertion.evidence:
                assert cited.digest in digests
                assert cited.locator
                assert cited.line
                assert cited.quote


def test_the_quoted_element_stands_on_the_line_that_is_cited(sample: chain.Chain) -> None:
    for payment in sample.proposed.values():
        lines = (FILES / payment["file"]).read_text(encoding="utf-8").splitlines()
        for cited in payment["where"].values():
            assert cited["quote"].replace("<", "&lt;").replace(">", "&gt;") in lines[cited["line"] - 1]


def test_the_same_folder_gives_the_same_bytes_again(sample: chain.Chain) -> None:
    assert chain.run(chain.folder(FILES)).outputs == sample.outputs
