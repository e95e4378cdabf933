"""The rows in Django's admin: to look at, never to change. What happens to a request happens through its log."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from approvals.models import ApprovalRequest, Delegation, PolicyRevision, SignOff, StandingGrant


class ReadOnly(admin.ModelAdmin):
    """Nobody adds, changes or deletes here, whatever their permissions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnly):
    list_display = ("sentence", "status", "tier", "opened_at", "decided_by", "decided_at")
    list_filter = ("status", "tier")
    search_fields = ("sentence", "digest")


@admin.register(SignOff)
class SignOffAdmin(ReadOnly):
    list_display = ("request", "reviewer", "verb", "decided_at")
    list_filter = ("verb",)


@admin.register(PolicyRevision)
class PolicyRevisionAdmin(ReadOnly):
    list_display = ("slug", "revision", "title", "published_by", "published_at")


@admin.register(Delegation)
class DelegationAdmin(ReadOnly):
    list_display = ("person", "delegate", "is_leave", "starts_at", "until", "ended_at")


@admin.register(StandingGrant)
class StandingGrantAdmin(ReadOnly):
    list_display = (
        "agent",
        "tool",
        "uses",
        "max_uses",
        "expires_at",
        "created_by",
        "approved_by",
        "revoked_by",
    )
    list_filter = ("agent", "tool")
