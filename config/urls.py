"""The address book: every app's pages, signing in and out, the health check."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from config import group_pages, health, people_pages, sign_in
from config.api import api

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
# allauth's, for tries at signing in.
handler429 = "config.errors.too_often"
handler500 = "config.errors.server_error"

# One door to sign in by: the admin's own form knows no limit on attempts, and takes a demonstration password anywhere.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as allauth asks

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("account/", include("config.account_urls")),
    path("sign-in/<str:token>/", sign_in.follow_link, name="sign_in_link"),
    path("people/", people_pages.people, name="people"),
    path("people/new/", people_pages.invite, name="invite_person"),
    path("people/groups/", group_pages.groups, name="groups"),
    path("people/groups/<str:name>/", group_pages.group, name="group"),
    path("people/<str:username>/", people_pages.person, name="person"),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("", include("monitoring.urls")),
    path("", include("orchestrator.urls")),
    path("", include("approvals.urls")),
]
