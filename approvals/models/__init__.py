"""Rows of requests, sign-offs, policies, delegations, grants, notices, tokens, canaries and reviewers' desks. Only this
app's own services, queries and admin may import them."""

from approvals.models.canary import Canary
from approvals.models.delegation import Delegation
from approvals.models.desk import SavedFilter, Snooze
from approvals.models.grant import StandingGrant
from approvals.models.notification import Hook, HookSecret, Notice, NoticePlace, NoticePreference
from approvals.models.pick_up import PickUp
from approvals.models.policy import PolicyDraft, PolicyRevision, Sample
from approvals.models.request import ApprovalRequest
from approvals.models.sign_off import SignOff
from approvals.models.token import ApiToken

__all__ = [
    "ApiToken",
    "ApprovalRequest",
    "Canary",
    "Delegation",
    "Hook",
    "HookSecret",
    "Notice",
    "NoticePlace",
    "NoticePreference",
    "PickUp",
    "PolicyDraft",
    "PolicyRevision",
    "Sample",
    "SavedFilter",
    "SignOff",
    "Snooze",
    "StandingGrant",
]
