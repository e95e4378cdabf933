"""Bodies of calls: read strictly, so that both sides mean the same, and written exactly."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from django.http import HttpRequest
from ninja.parser import Parser
from ninja.renderers import BaseRenderer


class Unreadable(ValueError):
    """Why a body is no JSON that can be read in one way only, in words for whoever sent it."""


class Strict(Parser):
    """Refuses what other readers of the same bytes might read otherwise: a name that stands twice, NaN, other encodings."""

    def parse_body(self, request: HttpRequest) -> Any:
        try:
            text = request.body.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable("The body is not UTF-8. Send JSON in UTF-8.") from None
        try:
            return json.loads(text, object_pairs_hook=_names_once, parse_constant=_no_number)
        except RecursionError:
            raise Unreadable("The body is nested too deeply. Send something flatter.") from None
        except json.JSONDecodeError as error:
            raise Unreadable(f"The body is not JSON: {error}. Correct it and send it again.") from None


class Exact(BaseRenderer):
    """JSON with moments to the microsecond, as the record has them."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return msgspec.json.encode(data)


def _names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"The name {twice[:100]!r} stands twice in one object. Say it once.")
    return found


def _no_number(said: str) -> Any:
    raise Unreadable(f"{said} is no number in JSON. Send a number, or text.")
