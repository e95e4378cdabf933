"""Names the four agents of the chain; importing this module registers them."""

from examples.invoice_settlement.intake import intake
from examples.invoice_settlement.matcher import match
from examples.invoice_settlement.risk import weigh
from examples.invoice_settlement.treasurer import propose

__all__ = ["intake", "match", "propose", "weigh"]
