"""Audit: what happened, who did it, and how it came to that."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from monitoring.queries.audit_chain import audit_chain
from monitoring.queries.audit_page import audit_page
from monitoring.services import audit_index
from monitoring.views.pages import View, watched

# What a page reads on before it answers, so that what one has just done is there. A worker does the rest.
AT_ONCE = 500


def audited(view: View) -> View:
    """A page for whoever may search the record; reading only."""
    return require_safe(
        login_required(permission_required("monitoring.view_audit", raise_exception=True)(view))
    )


def keeping(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """An act on the record itself, by POST."""
    return require_POST(
        login_required(permission_required("monitoring.keep_record", raise_exception=True)(view))
    )


@audited
def search(request: HttpRequest) -> HttpResponse:
    audit_index.catch_up(most=AT_ONCE)
    page = audit_page(request.GET, person=request.user)
    response = render(request, "monitoring/audit_list.html", {"page": page, "tab": "search"})
    response["Cache-Control"] = "no-store"
    return response


@watched
@permission_required("monitoring.view_audit", raise_exception=True)
def chain(request: HttpRequest, run: str, action: str) -> HttpResponse:
    response = render(
        request, "monitoring/audit_chain.html", {"chain": audit_chain(run, action, person=request.user)}
    )
    response["Cache-Control"] = "no-store"
    return response
