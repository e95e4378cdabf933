"""Rows of requests, sign-offs and policies. Only this app's own services, queries and admin may import them."""

from approvals.models.policy import PolicyDraft, PolicyRevision, Sample
from approvals.models.request import ApprovalRequest
from approvals.models.sign_off import SignOff
from approvals.models.token import ApiToken
from approvals.models.webhook import Delivery, LogPlace, Webhook

__all__ = [
    "ApiToken",
    "ApprovalRequest",
    "Delivery",
    "LogPlace",
    "PolicyDraft",
    "PolicyRevision",
    "Sample",
    "SignOff",
    "Webhook",
]
