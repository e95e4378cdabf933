"""The address book: every app's pages, signing in and out, the health check."""

from __future__ import annotations

from allauth.account import views as account
from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from config import health, people_pages, sign_in
from config.api import api

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"

# One door to sign in by: the admin's own form knows no limit on attempts, and takes a demonstration password anywhere.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Of allauth only what a closed console needs: nobody signs up, an administrator invites.
urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/change/", account.password_change, name="account_change_password"),
    path("sign-in/<str:token>/", sign_in.follow_link, name="sign_in_link"),
    path("people/", people_pages.people, name="people"),
    path("people/new/", people_pages.invite, name="invite_person"),
    path("people/<str:username>/", people_pages.person, name="person"),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("", include("monitoring.urls")),
    path("", include("orchestrator.urls")),
    path("", include("approvals.urls")),
]
