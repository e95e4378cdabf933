"""Each person's own ways to sign in: add and remove passkeys and the authenticator app, see recovery codes once.

The ceremonies are allauth's. What is added here is that each change is a fact on the person's stream, written in the
transaction of the change, and that no page with a secret is kept anywhere.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.views import LoginView, PasswordChangeView, ReauthenticateView
from allauth.mfa.base.views import AuthenticateView, IndexView
from allauth.mfa.base.views import ReauthenticateView as ByCodeView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView, RemoveWebAuthnView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.views.decorators.http import require_POST
from django.views.generic.base import ContextMixin, View
from django.views.generic.edit import FormMixin

from config import people_record, second_factor, staff
from config.people import signed_in


class Unkept(ContextMixin, View):
    """Kept by no browser and no proxy: the page may show a secret."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        request = self.request
        crumbs = [{"label": "Ways to sign in", "url": reverse("mfa_index")}]
        next_url = getattr(self, "get_next_url", None)
        return {
            **super().get_context_data(**kwargs),
            "crumbs": crumbs,
            # Looked at by allauth: an address within Countersign, or None.
            "back": next_url() if next_url else None,
            "passkeys_work": second_factor.passkeys_work_here(request),
            "passkeys_at": second_factor.place_for_passkeys(request),
        }


class Noted(Unkept, FormMixin):
    """A change that is a fact: `fact` and `factor` say which; recovery codes that come or go with it are noted too."""

    fact = ""
    factor = ""

    def form_valid(self, form: Any) -> HttpResponse:
        request = self.request
        with transaction.atomic():
            had_codes = _has_codes(request)
            response = super().form_valid(form)
            _note(request, self.fact, **({"factor": self.factor} if self.factor else {}))
            if self.factor and not had_codes and _has_codes(request):
                _note(request, "recovery_codes_made")
            if self.factor and had_codes and not _has_codes(request):
                _note(request, "second_factor_removed", factor=staff.FACTORS["recovery_codes"])
        return response


class SignIn(Unkept, LoginView):
    pass


class Confirm(Unkept, ReauthenticateView):
    pass


class ConfirmCode(Unkept, AuthenticateView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With whether they have a passkey at all: one who has none is not asked for it."""
        mine = Authenticator.objects.filter(user=self.stage.login.user, type=Authenticator.Type.WEBAUTHN)
        return {**super().get_context_data(**kwargs), "has_passkey": mine.exists()}


class ConfirmByCode(Unkept, ByCodeView):
    pass


class ConfirmByPasskey(Unkept, ReauthenticateWebAuthnView):
    def form_invalid(self, form: Any) -> HttpResponse:
        """Back to this page, so that where the person was going is not lost."""
        for text in form.errors.get("credential", []):
            messages.error(self.request, text)
        return HttpResponseRedirect(self.passthrough_next_url(self.request.path))


class WaysToSignIn(Unkept, IndexView):
    template_name = "mfa/index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        codes = context["authenticators"].get(Authenticator.Type.RECOVERY_CODES)
        return {
            **context,
            "passkeys": context["authenticators"].get(Authenticator.Type.WEBAUTHN, []),
            "app": context["authenticators"].get(Authenticator.Type.TOTP),
            "has_codes": codes is not None,
            "codes_left": len(codes.get_unused_codes()) if codes is not None else 0,
        }


class AddPasskey(Noted, AddWebAuthnView):
    fact, factor = "second_factor_added", staff.FACTORS["webauthn"]


class RemovePasskey(Noted, RemoveWebAuthnView):
    fact, factor = "second_factor_removed", staff.FACTORS["webauthn"]
    success_url = reverse_lazy("mfa_index")


class AddApp(Noted, ActivateTOTPView):
    fact, factor = "second_factor_added", staff.FACTORS["totp"]


class RemoveApp(Noted, DeactivateTOTPView):
    fact, factor = "second_factor_removed", staff.FACTORS["totp"]


class MakeRecoveryCodes(Noted, GenerateRecoveryCodesView):
    fact = "recovery_codes_made"


class ShowRecoveryCodes(Unkept, ViewRecoveryCodesView):
    # Looking shows them, and they are shown once: HEAD must not use that up.
    http_method_names = ["get"]


class ChangePassword(Unkept, PasswordChangeView):
    """A new password of one's own. Sessions elsewhere end with it, because they carry the hash of the old one."""

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            _note(self.request, "password_changed")
        return response


@login_required
@require_POST
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """End all sessions of whoever asks but this one."""
    ended = staff.sign_out_everywhere(
        username=request.user.get_username(),
        by=signed_in(request),
        now=timezone.now(),
        but=request.session.session_key or "",
    )
    said = f"You are signed out at {ended} other place{'' if ended == 1 else 's'}."
    get_adapter().add_message(request, messages.SUCCESS, message=said)
    return HttpResponseRedirect(reverse("mfa_index"))


def _note(request: HttpRequest, fact: str, **facts: Any) -> None:
    username = request.user.get_username()
    people_record.note_person(username, fact, by=username, now=timezone.now(), **facts)


def _has_codes(request: HttpRequest) -> bool:
    codes = Authenticator.objects.filter(user_id=request.user.pk, type=Authenticator.Type.RECOVERY_CODES)
    return codes.exists()
