"""The record in Django's admin, for looking only: rows are the log's shadow, and nobody writes past the rule book."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from orchestrator import models


class ReadOnly(admin.ModelAdmin):
    """May be looked at by whoever may publish; nothing can be added, changed or deleted here."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("orchestrator.publish_workflow"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


@admin.register(models.Run)
class RunAdmin(ReadOnly):
    list_display = ("id", "workflow", "title", "state", "started_by", "started_at")
    list_filter = ("state", "workflow")
    search_fields = ("title", "workflow")


@admin.register(models.Action)
class ActionAdmin(ReadOnly):
    list_display = ("id", "tool", "state", "amount", "currency", "agent", "proposed_at")
    list_filter = ("state", "tool")


@admin.register(models.Agent)
class AgentAdmin(ReadOnly):
    list_display = ("slug", "name", "owner", "revision", "is_retired", "changed_at")


@admin.register(models.AgentRevision)
class AgentRevisionAdmin(ReadOnly):
    list_display = ("id", "published_by", "published_at", "digest")


@admin.register(models.Tool)
class ToolAdmin(ReadOnly):
    list_display = ("name", "version", "changed_at")


@admin.register(models.Workflow)
class WorkflowAdmin(ReadOnly):
    list_display = ("slug", "name", "owner", "revision", "is_retired", "changed_at")


@admin.register(models.WorkflowRevision)
class WorkflowRevisionAdmin(ReadOnly):
    list_display = ("id", "published_by", "published_at", "digest")
