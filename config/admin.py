"""What the record browser must not show: the secrets of second factors, not even encrypted."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib import admin

admin.site.unregister(Authenticator)
