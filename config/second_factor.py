"""The second factor: how its secrets are kept, what a passkey is called, and the words of its forms.

Secrets of authenticator apps and seeds of recovery codes are stored encrypted under a key that is derived from the
installation's secret key, so that a copy of the database alone signs nobody in.
"""

from __future__ import annotations

import base64
import ipaddress
import secrets
from urllib.parse import urlsplit

import structlog
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django import forms
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from orchestrator.domain.soundness import hidden_characters

log = structlog.get_logger(__name__)

NAME_LENGTH = 60


class SecondFactors(DefaultMFAAdapter):
    """What allauth asks us: how secrets are kept, and how a new passkey is called."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This was not accepted. A code works once and for 30 seconds: use the one shown now.",
        "cannot_generate_recovery_codes": "Add a passkey or an authenticator app first; recovery codes stand in for it.",
    }

    def encrypt(self, text: str) -> str:
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _keys().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            # Under another secret key. Whatever is given then must not match, so nothing that can be guessed.
            log.error(
                "second_factor.unreadable", hint="SECRET_KEY changed; add the old one to SECRET_KEY_FALLBACKS"
            )
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        held = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {held + 1}"


class PasskeyForm(AddWebAuthnForm):
    """A name for oneself, and the browser's answer."""

    name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        required=False,
        help_text="For yourself, to tell your passkeys apart.",
    )
    passwordless = forms.BooleanField(
        label="Sign in with it alone, without the password",
        required=False,
        help_text="It is then kept on the device and asks for its fingerprint, face or PIN.",
    )

    def clean_name(self) -> str:
        name = str(super().clean_name())
        if hidden_characters(name):
            raise forms.ValidationError("The name holds characters that nobody can see. Take them out.")
        return name


class AppForm(ActivateTOTPForm):
    code = forms.CharField(
        label="Code shown by the app",
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class _CodeField(forms.Form):
    code = forms.CharField(
        label="Code from your app, or a recovery code",
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class CodeForm(_CodeField, AuthenticateForm):
    """The code at sign-in."""


class ConfirmByCodeForm(_CodeField, ReauthenticateForm):
    """The code once more, before something grave."""


def passkeys_work_here(request: HttpRequest) -> bool:
    """Browsers bind a passkey to a name; they refuse it under a bare address such as 127.0.0.1."""
    return not _is_address(_host(request))


def place_for_passkeys(request: HttpRequest) -> str:
    """This page under a name, where that is known: on the machine itself it is called localhost."""
    host = _host(request)
    if not _is_address(host) or not ipaddress.ip_address(host).is_loopback:
        return ""
    port = urlsplit(f"//{request.get_host()}").port
    return f"{request.scheme}://localhost{f':{port}' if port else ''}{request.path}"


def _host(request: HttpRequest) -> str:
    return urlsplit(f"//{request.get_host()}").hostname or ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _keys() -> MultiFernet:
    """The newest key first; older ones still read what they wrote."""
    return MultiFernet(
        [Fernet(_derived(key)) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


def _derived(key: str) -> bytes:
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"countersign second factor")
    return base64.urlsafe_b64encode(kdf.derive(key.encode()))
