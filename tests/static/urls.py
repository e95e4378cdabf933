"""The addresses that the frame of every page links to, and no others: these tests need no app."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("account/login/", nothing, name="account_login"),
    path("account/logout/", nothing, name="account_logout"),
    path("account/reauthenticate/", nothing, name="account_reauthenticate"),
    path("account/password/change/", nothing, name="account_change_password"),
]
