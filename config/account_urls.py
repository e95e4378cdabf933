"""Signing in and each person's own ways to do so. Of allauth only what a closed console needs, under its names."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.webauthn import views as webauthn
from django.urls import path

from config import mail_address_pages as mail
from config import second_factor_pages as pages

urlpatterns = [
    path("login/", pages.SignIn.as_view(), name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", pages.Confirm.as_view(), name="account_reauthenticate"),
    path("password/change/", pages.ChangePassword.as_view(), name="account_change_password"),
    path("mail/", mail.mail_page, name="mail_address"),
    path("mail/confirm/<str:key>/", mail.confirm_address, name="account_confirm_email"),
    path("elsewhere/", pages.sign_out_elsewhere, name="sign_out_elsewhere"),
    path("ways/", pages.WaysToSignIn.as_view(), name="mfa_index"),
    path("ways/code/", pages.ConfirmCode.as_view(), name="mfa_authenticate"),
    path("ways/code/again/", pages.ConfirmByCode.as_view(), name="mfa_reauthenticate"),
    path("ways/passkey/again/", pages.ConfirmByPasskey.as_view(), name="mfa_reauthenticate_webauthn"),
    path("ways/passkey/sign-in/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("ways/passkeys/add/", pages.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("ways/passkeys/<int:pk>/remove/", pages.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("ways/app/add/", pages.AddApp.as_view(), name="mfa_activate_totp"),
    path("ways/app/remove/", pages.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("ways/recovery-codes/", pages.ShowRecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("ways/recovery-codes/make/", pages.MakeRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
]
