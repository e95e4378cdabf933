"""The steps that all editors share: write, look at the difference, publish with notes; nothing typed is ever lost.

An editor names its form, its spec and its publication. What was typed travels with the page from step to step, so
that nothing half-written is stored; who publishes second is told who was first and keeps every word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from orchestrator.domain import differences, errors
from orchestrator.domain.soundness import MAX_TEXT, Fault
from orchestrator.kinds import ChangedMeanwhile
from orchestrator.queries.catalogue import RevisionCard
from orchestrator.services import catalogue
from orchestrator.views.pages import carried, expected, page


class Form(Protocol):
    """What an editor's form can do, be it one form or several together."""

    def is_valid(self) -> bool: ...
    def spec(self) -> Any: ...
    def show(self, faults: list[Fault]) -> None: ...


@dataclass(frozen=True)
class Editor:
    """One subject before its author: the published spec if there is one, and the templates that show it."""

    what: str
    template: str
    form: Form
    current: Any
    number: int
    revisions: list[RevisionCard]
    publish: Callable[..., Any]
    url_of: Callable[[Any], str]
    compare_url: str
    cancel_url: str
    context: dict[str, Any]
    has_notes: bool = True
    is_taken: Callable[[str], bool] = lambda name: False
    key: str = "slug"
    compare: Callable[[Any, Any], differences.Comparison] = differences.compare


def answer(request: HttpRequest, editor: Editor) -> HttpResponse:
    """What an editor's page answers to one request, by the button that was pressed (`do`)."""
    if request.method != "POST":
        return write(request, editor, editor.number)
    started_from = expected(request, editor.number)
    step = request.POST.get("do", "review")
    if not editor.form.is_valid():
        return write(request, editor, started_from, status=422)
    spec = editor.form.spec()
    if not editor.number and editor.is_taken(getattr(spec, editor.key)):
        editor.form.show(
            [Fault(editor.key, f"There is a {editor.what} of this name already. Choose another.")]
        )
        return write(request, editor, started_from, status=422)
    if step == "write":
        return write(request, editor, started_from)
    if started_from != editor.number:
        return _overtaken(request, editor)
    if step != "publish":
        return _review(request, editor, spec, started_from)
    if _nothing_changed(editor, spec):
        return _review(request, editor, spec, started_from, problem=catalogue.NothingChanged().message)
    notes = request.POST.get("publish_notes", "").strip().replace("\r\n", "\n")
    if editor.has_notes and not notes:
        return _review(
            request,
            editor,
            spec,
            started_from,
            problem="Say what changed and why, so that others understand.",
        )
    return _publish(request, editor, spec, started_from, notes[:MAX_TEXT])


def _nothing_changed(editor: Editor, spec: Any) -> bool:
    return editor.current is not None and not differences.compare(editor.current, spec).changes


def _publish(request: HttpRequest, editor: Editor, spec: Any, started_from: int, notes: str) -> HttpResponse:
    arguments: dict[str, Any] = {"notes": notes} if editor.has_notes else {}
    try:
        published = editor.publish(
            spec=spec, by=request.user.get_username(), now=timezone.now(), expected=started_from, **arguments
        )
    except ChangedMeanwhile:
        return _overtaken(request, editor)
    except catalogue.Unsound as unsound:
        editor.form.show(unsound.faults)
        return write(request, editor, started_from, status=422)
    except errors.Refused as refused:
        return _review(request, editor, spec, started_from, problem=refused.message)
    number = getattr(published, "revision", None) or getattr(published, "version", 1)
    messages.success(request, f"Revision {number} is published.")
    return HttpResponseRedirect(editor.url_of(published))


def write(
    request: HttpRequest, editor: Editor, started_from: int, *, status: int = 200, overtaken: str = ""
) -> HttpResponse:
    """The page on which a subject is written, with everything that was typed."""
    context = {
        **editor.context,
        "form": editor.form,
        "what": editor.what,
        "expected": started_from,
        "current": editor.current,
        "overtaken": overtaken,
        "compare_url": editor.compare_url,
        "cancel_url": editor.cancel_url,
    }
    return page(request, editor.template, context, status=status)


def _overtaken(request: HttpRequest, editor: Editor) -> HttpResponse:
    """Somebody published while this was being written: the words are kept, and the next review compares anew."""
    newest = editor.revisions[0] if editor.revisions else None
    who = f"{newest.published_by} published revision {newest.number}" if newest else "Somebody published"
    words = f"{who} while you were writing. What you typed is all still here: look at what changed, then review again."
    return write(request, editor, editor.number, status=409, overtaken=words)


def _review(
    request: HttpRequest, editor: Editor, spec: msgspec.Struct, started_from: int, *, problem: str = ""
) -> HttpResponse:
    comparison = editor.compare(editor.current, spec)
    context = {
        **editor.context,
        "what": editor.what,
        "spec": spec,
        "comparison": comparison,
        "nothing_changed": _nothing_changed(editor, spec),
        "current": editor.current,
        "expected": started_from,
        "carried": carried(request),
        "problem": problem,
        "notes": request.POST.get("publish_notes", ""),
        "has_notes": editor.has_notes,
        "cancel_url": editor.cancel_url,
    }
    return page(request, "revision_review", context, status=422 if problem else 200)
