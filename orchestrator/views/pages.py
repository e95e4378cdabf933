"""What the views of this app share: who may look, who may change, and how a form's answers are carried on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from orchestrator.domain import differences
from orchestrator.forms.parts import whole_number

View = Callable[..., HttpResponse]
NOT_CARRIED = frozenset({"csrfmiddlewaretoken", "do", "expected", "publish_notes"})


def readable(permission: str) -> Callable[[View], View]:
    """A page for whoever holds the permission; reading only."""
    return lambda view: require_safe(
        login_required(permission_required(permission, raise_exception=True)(view))
    )


def changeable(permission: str) -> Callable[[View], View]:
    """A form for whoever holds the permission."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
            return view(request, *args, **values)

        checked = login_required(permission_required(permission, raise_exception=True)(guarded))
        return require_http_methods(["GET", "HEAD", "POST"])(checked)

    return guard


def carried(request: HttpRequest) -> list[tuple[str, str]]:
    """Everything that was typed, as hidden fields of the next page. What was only tried out (`try-…`) stays behind."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in NOT_CARRIED and not name.startswith("try-")
        for value in values
    ]


def expected(request: HttpRequest, current: int) -> int:
    """The revision that the author started from: as the form says it, else the current one."""
    given = whole_number(request.POST.get("expected", ""))
    return current if given is None else given


def crumbs(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"label": label, "url": url} for label, url in pairs]


def page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    path = template if "/" in template else f"orchestrator/{template}"
    response = render(request, f"{path}.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def compared(
    request: HttpRequest,
    find: Callable[[int], Any],
    numbers: Iterable[int],
    compare: Callable[[Any, Any], differences.Comparison] = differences.compare,
) -> dict[str, Any]:
    """Two revisions of one subject as the address names them, by default the newest and the one before."""
    known = sorted(numbers, reverse=True)
    newest = known[0]
    after = _chosen(request, "after", known, newest)
    before = _chosen(request, "before", known, next((number for number in known if number < after), after))
    comparison = compare(find(before), find(after))
    return {"numbers": known, "before": before, "after": after, "comparison": comparison}


def _chosen(request: HttpRequest, name: str, known: list[int], default: int) -> int:
    given = whole_number(request.GET.get(name, ""))
    return given if given in known else default
