"""The last agent: one proposed payment for each invoice that passed, and the account of the whole folder.

It proposes only. Whether and when money moves is decided at the gate, by people.
"""

from __future__ import annotations

from decimal import Decimal

from examples.invoice_settlement import money, outcomes, wording
from examples.invoice_settlement.safe_xml import Unusable
from examples.invoice_settlement.shapes import (
    Cleared,
    Parameters,
    Payment,
    Rejection,
    TreasurerInput,
    TreasurerOutput,
)
from orchestrator import ports
from orchestrator.adapters import registry
from orchestrator.domain.replies import MAX_ACTIONS, Assertion, Evidence, ProposedAction, Reply

STAGE = "treasurer"
# One place is kept for the notice.
MAX_PAYMENTS = MAX_ACTIONS - 1


@registry.code_agent("invoice_settlement.treasurer", output=TreasurerOutput)
def propose(work: TreasurerInput, turn: ports.TurnRequest) -> Reply:
    """Proposes one payments.pay action for each cleared invoice."""
    parameters = work.parameters or Parameters()
    room = {claim.id for claim in work.invoices[:MAX_PAYMENTS]}

    def plan(claim: Cleared) -> Payment:
        if claim.id not in room:
            raise Unusable(
                "run_is_full",
                f"One run proposes at most {MAX_PAYMENTS} payments. Start another run with this invoice.",
                *claim.evidence("payable"),
            )
        return outcomes.as_kind(
            claim,
            Payment,
            pay_to=claim.pay_to,
            pay_iban=claim.pay_iban,
            account=parameters.account,
            reason=_reason(claim),
        )

    payments, left = outcomes.each(work.invoices, STAGE, turn, plan)
    rejected = [*work.intake_rejected, *work.matcher_rejected, *work.risk_rejected, *left]
    output = TreasurerOutput(payments=tuple(payments), rejected=tuple(rejected), totals=_totals(payments))
    checks = {claim.id: claim.checks for claim in work.invoices}
    actions = [_action(payment, checks[payment.id]) for payment in payments]
    if parameters.notice_to and rejected:
        actions.append(_notice(parameters.notice_to, payments, rejected))
    stated = [_stated(payment) for payment in payments]
    return outcomes.reply(output, stated, passed=len(payments), rejected=rejected, actions=actions)


def _reason(claim: Cleared) -> str:
    text = (
        f"Invoice {wording.visible(claim.number, 60)} of {wording.visible(claim.supplier)} asks for "
        f"{money.shown(claim.payable, claim.currency)} by {claim.due_date}. Its lines match "
        f"{', '.join(wording.visible(order, 40) for order in claim.orders[:5]) or 'the orders'} and the goods received; "
        "the account is the one on the supplier's record."
    )
    if claim.flags:
        text += " Look at: " + " ".join(flag.sentence for flag in claim.flags[:10])
    return text[:2000]


def _action(payment: Payment, checks: tuple[Evidence, ...]) -> ProposedAction:
    number = wording.visible(payment.number, 60)
    evidence = (
        *payment.evidence("payable", "iban", "number", "supplier"),
        *checks,
        *(e for flag in payment.flags[:10] for e in flag.evidence),
    )
    return ProposedAction(
        tool="payments.pay",
        arguments={
            "payee": payment.pay_to,
            "iban": payment.pay_iban,
            # The invoice gives a BIC for its first account only.
            "bic": payment.bic if payment.pay_iban == payment.iban else "",
            "amount": payment.payable,
            "currency": payment.currency,
            "invoice": payment.number,
            "purchase_order": ", ".join(payment.orders)[:200],
            "due_date": payment.due_date,
            "account": payment.account,
            "remittance": f"Invoice {number}"[:140],
            "note": " ".join(flag.sentence for flag in payment.flags)[:1000],
        },
        reason=payment.reason,
        otherwise=f"Invoice {number} stays unpaid; it is due on {payment.due_date}.",
        evidence=evidence[:50],
        call_id=f"pay {payment.id}"[:200],
    )


def _notice(to: str, payments: list[Payment], rejected: list[Rejection]) -> ProposedAction:
    lines = [f"{entry.stage} {entry.code}: {entry.sentence}" for entry in rejected[:100]]
    if len(rejected) > 100:
        lines.append(f"and {len(rejected) - 100} more, in the run's output")
    return ProposedAction(
        tool="notices.send",
        arguments={
            "to": to,
            "subject": f"{len(rejected)} invoices need a person, {len(payments)} were proposed",
            "text": "\n".join(lines)[:20_000],
        },
        reason="The run's settings ask for a notice of the rejected invoices.",
        otherwise="Nobody is written to; the list stands in the run's output.",
        call_id="notice",
    )


def _totals(payments: list[Payment]) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for payment in payments:
        sums[payment.currency] = money.total(
            (sums.get(payment.currency, Decimal(0)), Decimal(payment.payable))
        )
    return {currency: money.text(amount, currency) for currency, amount in sorted(sums.items())}


def _stated(payment: Payment) -> Assertion:
    return Assertion(
        subject=f"invoice {payment.id}",
        predicate="is proposed for payment",
        value={"amount": payment.payable, "currency": payment.currency, "iban": payment.pay_iban},
        evidence=payment.evidence("payable", "iban"),
        reasoning=payment.reason,
    )
