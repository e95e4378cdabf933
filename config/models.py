"""Django looks for models here."""

from config.people import User
from config.sign_in_links import SignInLink

__all__ = ["SignInLink", "User"]
