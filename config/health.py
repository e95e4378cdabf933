"""Says whether this web process can do its work: it must reach PostgreSQL and Redis."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """200 with `ok`, or 503 naming what does not answer. Tells nothing else, as anybody may ask."""
    missing = [name for name, asks in (("postgresql", _ask_postgresql), ("redis", _ask_redis)) if not asks()]
    return JsonResponse({"ok": not missing, "missing": missing}, status=503 if missing else 200)


def _ask_postgresql() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _ask_redis() -> bool:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as server:
            return bool(server.ping())
    except redis.RedisError:
        return False
