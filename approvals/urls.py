"""Addresses of the inbox, and of each case in it. Deciding is a POST of its own; a GET never decides."""

from __future__ import annotations

from django.urls import path

from approvals import views

app_name = "approvals"
urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/rows/", views.inbox_rows, name="inbox_rows"),
    path("inbox/<uuid:request_id>/", views.case, name="case"),
    path("inbox/<uuid:request_id>/sign-off/", views.sign_off, name="sign_off"),
]
