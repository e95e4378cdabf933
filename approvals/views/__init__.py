"""Pages of this app: parse what was sent, make one call, show what came of it."""

from approvals.views.case import case, sign_off
from approvals.views.change import change
from approvals.views.delegations import delegations, end_delegation
from approvals.views.desk import drop_filter, keep_filter, sign_off_many
from approvals.views.grants import approve_grant, grants, revoke_grant
from approvals.views.inbox import inbox, inbox_rows
from approvals.views.notifications import browser_notices, notifications
from approvals.views.outgoing import group_notifications, hook, outgoing, retry_notice
from approvals.views.oversight import canary_list, plant_canary, statistics
from approvals.views.samples import samples
from approvals.views.tokens import agent_tokens, own_tokens
from approvals.views.verbs import ask, break_glass, let_go, pick_up, retract, revoke, snooze, wake

__all__ = [
    "agent_tokens",
    "approve_grant",
    "ask",
    "break_glass",
    "browser_notices",
    "canary_list",
    "case",
    "change",
    "delegations",
    "drop_filter",
    "end_delegation",
    "grants",
    "group_notifications",
    "hook",
    "inbox",
    "inbox_rows",
    "keep_filter",
    "let_go",
    "notifications",
    "outgoing",
    "own_tokens",
    "pick_up",
    "plant_canary",
    "retract",
    "retry_notice",
    "revoke",
    "revoke_grant",
    "samples",
    "sign_off",
    "sign_off_many",
    "snooze",
    "statistics",
    "wake",
]
