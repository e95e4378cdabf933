"""Rows of requests, sign-offs, policies, delegations, grants and tokens. Only this app's own services, queries and
admin may import them."""

from approvals.models.delegation import Delegation
from approvals.models.grant import StandingGrant
from approvals.models.pick_up import PickUp
from approvals.models.policy import PolicyDraft, PolicyRevision, Sample
from approvals.models.request import ApprovalRequest
from approvals.models.sign_off import SignOff
from approvals.models.token import ApiToken

__all__ = [
    "ApiToken",
    "ApprovalRequest",
    "Delegation",
    "PickUp",
    "PolicyDraft",
    "PolicyRevision",
    "Sample",
    "SignOff",
    "StandingGrant",
]
