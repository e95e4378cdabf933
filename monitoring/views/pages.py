"""What the views of this app share: who may look, and pages that can be asked for their moving parts alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

View = Callable[..., HttpResponse]


def watched(view: View) -> View:
    """A page for whoever may see runs; reading only."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
        values = {name: str(value) if name == "run" else value for name, value in values.items()}
        return view(request, *args, **values)

    checked = permission_required("orchestrator.view_run", raise_exception=True)(guarded)
    return require_safe(login_required(checked))


def answer(request: HttpRequest, page: str, fragments: str, context: dict[str, Any]) -> HttpResponse:
    """The page, or, when the browser already has it, only the parts that move."""
    wants_parts = bool(request.headers.get("X-Fragments"))
    response = render(request, fragments if wants_parts else page, context)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "X-Fragments, Cookie"
    return response


def number(request: HttpRequest, name: str, default: int, *, most: int = 2**53) -> int:
    """A whole number from the address; what cannot be read is the default."""
    try:
        return min(max(int(request.GET.get(name, default)), 0), most)
    except ValueError:
        return default
