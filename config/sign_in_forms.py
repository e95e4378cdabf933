"""The words of the form that signs people in."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm
from django.conf import settings


class SignInForm(LoginForm):
    """Username and password, and whether the session outlives the browser. It never outlives SESSION_HOURS."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hours = settings.SESSION_COOKIE_AGE // 3600
        self.fields["remember"].label = f"Stay signed in when this browser closes, for {hours} hours at most"
