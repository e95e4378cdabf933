"""Django looks for the user model here."""

from config.people import User

__all__ = ["User"]
