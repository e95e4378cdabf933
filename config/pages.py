"""Serves pages: one thread for each request, from its first middleware to the view and back.

Django's ASGI handler runs every middleware that has no async form in a thread of its own turn, so that a request
changes threads twice for each; a sign-off spent more on that than on its transaction. Only the API keeps the async
chain, because agents wait in it.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest


class Pages(ASGIHandler):
    """Django's handler with a synchronous chain of middleware."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> Any:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
