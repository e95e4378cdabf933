"""Turns errors that a view lets through into answers: our families by their status, lost servers as 503.

Anything else is Django's to log and `config.errors.server_error`'s to word.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import redis
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from config import errors
from orchestrator.domain.errors import Corrupt, CountersignError

log = logging.getLogger("config.errors")


class ErrorPages:
    """Works around sync and async views alike; Django calls `process_exception` in a thread for the latter."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, CountersignError):
            if isinstance(exception, Corrupt):
                log.error(
                    "The record is damaged: %s %s", exception.message, exception.facts, exc_info=exception
                )
            return errors.answer(request, errors.fault_of(exception))
        if isinstance(exception, DataError):
            # A number no column can hold, a zero byte: from the address or the form, never from us.
            log.warning("What was sent cannot be looked up or kept: %s", exception)
            return errors.answer(request, errors.BAD_REQUEST)
        if isinstance(exception, OperationalError | InterfaceError | redis.ConnectionError):
            log.error("A server does not answer: %s", exception)
            return errors.answer(request, errors.UNAVAILABLE)
        return None
