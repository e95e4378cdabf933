"""Addresses of orchestrator's pages."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "orchestrator"
urlpatterns: list[URLPattern] = []
