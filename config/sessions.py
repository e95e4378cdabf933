"""Sessions, as Django keeps them in the database, read as prepared text: each page, answer and heartbeat of a socket
reads one, and the ORM would build the same statement anew each time."""

from __future__ import annotations

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from orchestrator import sql

_TEXT = "SELECT session_data, expire_date FROM django_session WHERE session_key=$1 AND expire_date>$2"


class SessionStore(db.SessionStore):
    """Django's own store; only how it reads differs."""

    def _get_session_from_db(self) -> Session | None:
        rows = sql.run(_TEXT, [self.session_key, timezone.now()])
        if not rows:
            self._session_key = None
            return None
        data, expires = rows[0]
        return Session(session_key=self.session_key, session_data=data, expire_date=expires)
