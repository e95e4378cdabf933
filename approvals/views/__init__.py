"""Pages of this app: parse what was sent, make one call, show what came of it."""

from approvals.views.case import case, sign_off
from approvals.views.inbox import inbox, inbox_rows

__all__ = ["case", "inbox", "inbox_rows", "sign_off"]
