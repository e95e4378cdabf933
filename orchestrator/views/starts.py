"""Starting a run: choose a workflow, give it files and settings. The form's one-time key makes a double click one run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from orchestrator.domain import errors, run_inputs
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.forms.starts import StartForm
from orchestrator.queries import catalogue as queries
from orchestrator.services import declarations, files, runs
from orchestrator.views.pages import changeable, crumbs, page

MAX_KEY = 64


class EmptyFile(errors.Refused):
    """A file is empty. Leave it out, or choose the right one."""


@changeable("orchestrator.start_run")
def new_run(request: HttpRequest) -> HttpResponse:
    cards = [card for card in queries.workflow_cards(now=timezone.now()) if not card.is_retired]
    rows = [
        {"card": card, "stages": [{"label": stage.name, "state": ""} for stage in card.spec.stages]}
        for card in cards
    ]
    return page(request, "run_new", {"rows": rows})


@changeable("orchestrator.start_run")
def start_run(request: HttpRequest, slug: str) -> HttpResponse:
    card = queries.workflow_card(slug, now=timezone.now())
    if card.is_retired:
        raise runs.Retired()
    spec = card.spec
    if request.method != "POST":
        return _show(request, spec, StartForm(schema=spec.input_schema), secrets.token_urlsafe(24))
    form = StartForm(request.POST, schema=spec.input_schema)
    key = request.POST.get("key", "")[:MAX_KEY] or secrets.token_urlsafe(24)
    if not form.is_valid():
        return _show(request, spec, form, key, problem="One of the fields cannot be used yet.", status=422)
    try:
        inputs = form.inputs()
        if run_inputs.takes_files(spec.input_schema):
            inputs[run_inputs.FILES] = _files(request, spec)
        run = runs.start_run(
            workflow=slug,
            inputs=inputs,
            key=f"{request.user.pk}:{slug}:{key}",
            by=request.user,
            now=timezone.now(),
            title=form.cleaned_data["title"],
            on_behalf_of=form.cleaned_data["on_behalf_of"],
        )
    except runs.StartedBefore as before:
        words = f"{before.message} Press Start the run to begin a second one with these."
        return _show(request, spec, form, secrets.token_urlsafe(24), problem=words, status=409)
    except errors.Refused as refused:
        return _show(request, spec, form, key, problem=refused.message, status=422)
    return HttpResponseRedirect(reverse("monitoring:run", args=[run]))


def _show(
    request: HttpRequest,
    spec: WorkflowSpec,
    form: StartForm,
    key: str,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    example = declarations.example_files(spec.slug)
    sent = request.FILES.getlist("files") if request.method == "POST" else []
    context: dict[str, Any] = {
        "spec": spec,
        "form": form,
        "key": key,
        "problem": problem,
        "had_files": len(sent),
        "takes_files": run_inputs.takes_files(spec.input_schema),
        "example": example,
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "max_files": files.MAX_FILES,
        "stages": [{"label": stage.name, "state": ""} for stage in spec.stages],
        "crumbs": crumbs(("Start a run", reverse("orchestrator:new_run"))),
    }
    return page(request, "run_start", context, status=status)


def _files(request: HttpRequest, spec: WorkflowSpec) -> list[dict[str, Any]]:
    """The files' descriptions for the run's input. Raises NoFiles, FileTooLarge, EmptyFile, Unreadable."""
    if request.POST.get("do") == "example":
        example = declarations.example_files(spec.slug)
        if example is None:
            raise files.NoFiles("This workflow has no example files. Choose files of your own.")
        return files.keep_files(files=files.read_folder(example.folder))
    sent = request.FILES.getlist("files")
    if not sent:
        if run_inputs.needs_files(spec.input_schema) or not spec.input_schema:
            raise files.NoFiles("Choose at least one file, or use the example files.")
        return []
    if len(sent) > files.MAX_FILES:
        raise errors.Refused(
            f"{len(sent)} files were chosen; {files.MAX_FILES} fit into one run. Start a second run for the rest."
        )
    return files.keep_files(files=_bytes(sent))


def _bytes(sent: list[UploadedFile]) -> Iterator[tuple[str, bytes]]:
    for file in sent:
        name = files.safe_name(file.name or "")
        if not file.size:
            raise EmptyFile(f"{name} is empty. Leave it out, or choose the right one.")
        if file.size > settings.UPLOAD_MAX_BYTES:
            most = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
            raise files.FileTooLarge(f"{name} is larger than {most} MB. Split it, or ask for a higher limit.")
        yield name, file.read()
