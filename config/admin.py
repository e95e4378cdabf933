"""What the record browser leaves out: the secrets of second factors, even encrypted, and mail addresses, which only
their own person confirms.
"""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin

admin.site.unregister(Authenticator)
admin.site.unregister(EmailAddress)
