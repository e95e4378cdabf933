"""Rows of the watcher: where events are found. Only this app's own services and queries may import them."""

from monitoring.models.audit import AuditCursor, AuditEntry, AuditPerson

__all__ = ["AuditCursor", "AuditEntry", "AuditPerson"]
