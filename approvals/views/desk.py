"""A reviewer's own desk: putting a case aside, keeping filters, and answering several cases at once."""

from __future__ import annotations

import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from approvals.forms.inbox import BulkForm, FilterForm, InboxFilter
from approvals.services import bulk, desk
from approvals.views.inbox import NAMES, SEE
from orchestrator.domain import errors


@login_required
@permission_required(SEE, raise_exception=True)
@never_cache
@require_POST
def sign_off_many(request: HttpRequest) -> HttpResponse:
    """One answer to all that were selected, and what became of each."""
    form = BulkForm(request.POST)
    form.is_valid()
    verb = form.cleaned_data.get("verb", "")
    selected = [bulk.Selected(*one) for one in form.selected()]
    is_fragment = bool(request.headers.get("HX-Request"))
    try:
        outcomes = bulk.sign_off_many(
            selected=selected,
            by=request.user,
            verb=verb,
            reason=form.cleaned_data.get("reason", ""),
            now=timezone.now(),
        )
    except (errors.Refused, errors.NotPermitted) as refused:
        context = {"problem": refused.message, "is_fragment": is_fragment}
        template = "approvals/_inbox_bulk_done.html" if is_fragment else "approvals/inbox_bulk.html"
        return render(request, template, context, status=refused.status)
    context = {
        "outcomes": outcomes,
        "applied": sum(one.is_applied for one in outcomes),
        "verb": verb,
        "is_fragment": is_fragment,
    }
    if not is_fragment:
        return render(request, "approvals/inbox_bulk.html", context)
    response = render(request, "approvals/_inbox_bulk_done.html", context)
    response["HX-Trigger"] = json.dumps({"sheet:close": True, "countersign:changed": {}})
    return response


@login_required
@permission_required(SEE, raise_exception=True)
@require_POST
def keep_filter(request: HttpRequest) -> HttpResponse:
    """Keep the filter that the address names, under a name of one's own."""
    form = FilterForm(request.POST)
    query = _query(request.POST.get("query", ""))
    if form.is_valid():
        try:
            desk.keep_filter(name=form.cleaned_data["name"], query=query, by=request.user)
        except errors.Refused as refused:
            messages.error(request, refused.message)
    else:
        messages.error(request, "Give the filter a name of at most 60 characters.")
    return redirect(f"{reverse('approvals:inbox')}?{query}")


@login_required
@permission_required(SEE, raise_exception=True)
@require_POST
def drop_filter(request: HttpRequest, filter: int) -> HttpResponse:
    desk.drop_filter(filter=filter, by=request.user)
    return redirect(f"{reverse('approvals:inbox')}?{_query(request.POST.get('query', ''))}")


def _query(text: str) -> str:
    """The parts of an address that name a view, as they are read; everything else is left out."""
    given = QueryDict(text[:1000])
    form = InboxFilter(given)
    form.is_valid()
    kept = {name: str(form.cleaned_data[name]) for name in NAMES[1:] if form.cleaned_data.get(name)}
    return urlencode({"tab": given.get("tab", "mine")[:20], **kept})
