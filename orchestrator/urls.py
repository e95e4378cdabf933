"""Addresses of orchestrator's pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from orchestrator.views import control

app_name = "orchestrator"
urlpatterns: list[URLPattern] = [
    # A person's control of a run.
    path("runs/<uuid:run>/pause", control.pause, name="pause_run"),
    path("runs/<uuid:run>/resume", control.resume, name="resume_run"),
    path("runs/<uuid:run>/cancel", control.cancel, name="cancel_run"),
    path("runs/<uuid:run>/actions/<slug:action>/confirm", control.confirm, name="confirm_action"),
]
