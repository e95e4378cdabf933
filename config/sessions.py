"""Sessions, as Django keeps them in the database, read as prepared text: each page, answer and heartbeat of a socket
reads one, and the ORM would build the same statement anew each time."""

from __future__ import annotations

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from orchestrator import sql


class SessionStore(db.SessionStore):
    """Django's own store; only how it reads differs."""

    def _get_session_from_db(self) -> Session | None:
        found = sql.rows_of(
            Session, "WHERE session_key=$1 AND expire_date>$2", [self.session_key, timezone.now()]
        )
        if not found:
            self._session_key = None
            return None
        return found[0]
