"""How each agent of the chain ends its turn: rejected entries, assertions within bounds, one note."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from examples.invoice_settlement import wording
from examples.invoice_settlement.safe_xml import Unusable
from examples.invoice_settlement.shapes import Claim, Rejection
from orchestrator import ports
from orchestrator.domain import errors
from orchestrator.domain.replies import MAX_ASSERTIONS, Assertion, ProposedAction, Reply

C = TypeVar("C", bound=Claim)

# A reply is taken up to 8 MiB. Invoices get half of it; assertions, rejected entries and the rest the other half.
MAX_CLAIM_BYTES = 4 * 1024 * 1024
MAX_STATED = min(MAX_ASSERTIONS, 1500)


class Room:
    """How much of a reply its invoices fill. What does not fit is rejected with a sentence, and the others stay."""

    def __init__(self, size: int = MAX_CLAIM_BYTES) -> None:
        self._left = size

    def take(self, claim: C) -> C:
        """The claim, once its bytes are counted. Raises Unusable when there is no room for it."""
        size = len(msgspec.json.encode(claim))
        if size > self._left:
            raise Unusable(
                "run_is_full",
                f"The invoice needs {size:,} bytes and the run has room for {self._left:,} more. Start another run with "
                "it.",
                *claim.evidence("payable"),
            )
        self._left -= size
        return claim


def stop_if_cancelled(turn: ports.TurnRequest) -> None:
    """Raises PortFailure when the run was cancelled, so that a long folder does not go on for nobody."""
    if turn.is_cancelled():
        raise errors.PortFailure("The run was cancelled; nothing of this turn was kept.", retry="permanent")


def rejection(claim: Claim, stage: str, fault: Unusable) -> Rejection:
    """The entry for an invoice that goes no further."""
    return Rejection(
        id=claim.id,
        file=claim.file,
        digest=claim.digest,
        stage=stage,
        code=fault.code,
        sentence=f"{wording.visible(claim.file)}: {fault.sentence}",
        number=claim.number,
        supplier=claim.supplier,
        amount=claim.payable,
        currency=claim.currency,
        evidence=fault.evidence[:20],
    )


def as_kind(claim: Claim, kind: type[C], **facts: Any) -> C:
    """The same claim one stage further: its own facts unchanged, with what this stage adds."""
    kept = {name: getattr(claim, name) for name in Claim.__struct_fields__}
    return kind(**{**kept, **facts})


def each(
    claims: Iterable[C], stage: str, turn: ports.TurnRequest, judge: Callable[[C], Any]
) -> tuple[list[Any], list[Rejection]]:
    """What `judge` makes of each claim; a claim it finds Unusable is rejected, and the others go on."""
    passed: list[Any] = []
    rejected: list[Rejection] = []
    room = Room()
    for claim in claims:
        stop_if_cancelled(turn)
        try:
            passed.append(room.take(judge(claim)))
        except Unusable as fault:
            rejected.append(rejection(claim, stage, fault))
        except Exception as fault:
            # An invoice that finds a way past every check must still not stop the others.
            kind = type(fault).__name__
            sentence = f"The invoice could not be judged ({kind}). Look at it by hand."
            rejected.append(
                rejection(claim, stage, Unusable("unreadable", sentence, *claim.evidence("number")))
            )
    return passed, rejected


def reply(
    output: msgspec.Struct,
    assertions: Sequence[Assertion],
    *,
    passed: int,
    rejected: Sequence[Rejection],
    actions: Sequence[ProposedAction] = (),
) -> Reply:
    """The reply that ends a turn. Beyond MAX_STATED the output alone carries the facts, and the note says so."""
    note = f"{passed:,} passed, {len(rejected):,} rejected."
    if len(assertions) > MAX_STATED:
        note += f" Of {len(assertions):,} assertions the first {MAX_STATED:,} are recorded one by one."
    return Reply(output=output, assertions=tuple(assertions[:MAX_STATED]), actions=tuple(actions), note=note)
