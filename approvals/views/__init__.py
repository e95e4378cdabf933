"""Pages of this app: parse what was sent, make one call, show what came of it."""

from approvals.views.case import case, sign_off
from approvals.views.inbox import inbox, inbox_rows
from approvals.views.tokens import agent_tokens, own_tokens
from approvals.views.webhooks import webhook, webhooks

__all__ = [
    "agent_tokens",
    "case",
    "inbox",
    "inbox_rows",
    "own_tokens",
    "sign_off",
    "webhook",
    "webhooks",
]
