"""Write, try and publish a policy: its forms, what they say in plain words, a trial, and a dry run over the past."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from approvals.domain import policy_changes, published, shipped, wording
from approvals.domain.provenance import Sources, Text
from approvals.domain.terms import Policy
from approvals.forms import arranging
from approvals.forms import policies as forms
from approvals.forms.trials import DryRunForm, TrialForm
from approvals.queries import policies as queries
from approvals.queries.policies import DraftCard
from approvals.services import drafts, dry_run, policies
from approvals.views.policies import PUBLISH, known_facts
from orchestrator.domain import errors
from orchestrator.views import editing
from orchestrator.views.pages import changeable, crumbs, page


@changeable(PUBLISH)
def new_policy(request: HttpRequest) -> HttpResponse:
    return _answer(request, None, None)


@changeable(PUBLISH)
def edit_policy(request: HttpRequest, slug: str) -> HttpResponse:
    draft = queries.find_draft(slug)
    current = _current(slug)
    if current is None and draft is None:
        raise policies.UnknownPolicy(f"There is no policy named {slug!r}. Choose a published one.", slug=slug)
    return _answer(request, current, draft)


@changeable(PUBLISH)
@require_POST
def preview_policy(request: HttpRequest) -> HttpResponse:
    """What the forms say now, in plain words: a fragment, asked for while one types."""
    current = _current(request.POST.get("declared", ""))
    sent = arranging.sent(request.POST, current)
    sent.is_valid()
    spec = sent.spec()
    sent.show(policies.faults_of(spec))
    return page(request, "_settings_words", {**_words(spec, current), "problems": sent.problems()})


@changeable(PUBLISH)
@require_POST
def try_policy(request: HttpRequest) -> HttpResponse:
    """What the draft says of one action, made up or of the past: a fragment."""
    current = _current(request.POST.get("declared", ""))
    sent = arranging.sent(request.POST, current)
    sent.is_valid()
    form = TrialForm(request.POST)
    context: dict[str, Any] = {"trial": form}
    if form.is_valid():
        given = form.cleaned_data
        try:
            if given["past"]:
                run, action = given["past"]
                card, found, facts = dry_run.try_past(sent.spec(), run, action)
                context |= {"card": card, "found": found, "facts": facts}
            else:
                facts_ = dry_run.made_up_facts(
                    category=given["category"],
                    target=given["target"],
                    amount=given["amount"],
                    currency=given["currency"],
                    tool=given["tool"],
                    reversibility=given["reversibility"],
                )
                results = (Text("an earlier result", given["result"]),) if given["result"] else ()
                found, facts = dry_run.try_made_up(
                    sent.spec(), facts_, Sources(task=given["task"], results=results), at=timezone.now()
                )
                context |= {"found": found, "facts": facts}
        except errors.NotFound as missing:
            form.add_error("past", missing.message)
    return page(request, "approvals/_policy_trial", context)


@changeable(PUBLISH)
@require_POST
def dry_run_policy(request: HttpRequest) -> HttpResponse:
    """What the draft would have said of the recorded actions of the last days: a fragment, page by page."""
    current = _current(request.POST.get("declared", ""))
    sent = arranging.sent(request.POST, current)
    sent.is_valid()
    form = DryRunForm(request.POST)
    form.is_valid()
    spec = sent.spec()
    used = [slug for slug, _ in queries.workflows_by_policy().get(spec.slug, ())]
    everything = form.cleaned_data.get("everything") or not used or spec.slug == shipped.FLOOR_SLUG
    found = dry_run.dry_run(
        spec,
        days=form.cleaned_data.get("days") or 7,
        page=form.cleaned_data.get("page") or 1,
        now=timezone.now(),
        workflows=() if everything else used,
    )
    context = {
        "dry": found,
        "workflows": () if everything else used,
        "url": reverse("approvals:dry_run_policy"),
    }
    return page(request, "approvals/_policy_dry_run", context)


@changeable(PUBLISH)
@require_POST
def drop_draft(request: HttpRequest, slug: str) -> HttpResponse:
    drafts.drop_draft(slug=slug)
    messages.success(request, "The draft is gone. What is published stays as it is.")
    here = "approvals:policy" if queries.is_taken(slug) else "approvals:policies"
    return HttpResponseRedirect(reverse(here, args=[slug] if here == "approvals:policy" else []))


def _answer(request: HttpRequest, current: Policy | None, draft: DraftCard | None) -> HttpResponse:
    if request.method != "POST":
        shown = draft.spec if draft else current or forms.NEW
        return editing.answer(request, _editor(request, arranging.unbound(shown, current), current, draft))
    step, _, place = request.POST.get("do", "").partition("-")
    if step in arranging.STEPS:
        moved = arranging.rearranged(request.POST, current, step, place)
        editor = _editor(request, moved, current, draft)
        context = {
            **editor.context,
            "form": editor.form,
            "current": current,
            "expected": request.POST.get("expected", "0"),
            "what": "policy",
            "cancel_url": editor.cancel_url,
            "compare_url": editor.compare_url,
            "focus": arranging.focus_after(moved, step, place),
            "is_rearranged": True,
        }
        return page(request, editor.template, context)
    sent = arranging.sent(request.POST, current)
    if step == "draft":
        return _keep(request, sent, current, draft)
    if step in {"", "review", "publish"} and sent.is_valid():
        # Before anybody reads what will change: a quorum out of reach stands at its level.
        sent.show(policies.faults_of(sent.spec()))
    return editing.answer(request, _editor(request, sent, current, draft))


def _keep(
    request: HttpRequest, sent: forms.PolicyForms, current: Policy | None, draft: DraftCard | None
) -> HttpResponse:
    """Keep what was typed, sound or not, as long as it has a name to be found by."""
    sent.is_valid()
    spec = sent.spec()
    if current is None and queries.is_taken(spec.slug):
        sent.own.add_error("slug", "There is a policy of this name already. Choose another.")
    if sent.own.errors.get("slug"):
        return editing.write(request, _editor(request, sent, current, draft), 0, status=422)
    started = request.POST.get("expected", "")
    drafts.keep_draft(
        spec=spec,
        started_from=int(started) if started.isdigit() else 0,
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, "The draft is kept. It decides nothing until it is published.")
    return HttpResponseRedirect(reverse("approvals:edit_policy", args=[spec.slug]))


def _editor(
    request: HttpRequest, form: forms.PolicyForms, current: Policy | None, draft: DraftCard | None
) -> editing.Editor:
    if form.own.is_bound:
        form.is_valid()
    spec = form.spec() if form.own.is_bound else (draft.spec if draft else current or forms.NEW)
    everything = reverse("approvals:policies")
    own = reverse("approvals:policy", args=[current.slug]) if current else everything
    trail = [(current.slug, own)] if current else []
    revisions = queries.revisions(current.slug) if current else []

    def publish(*, spec: Policy, by: str, now: Any, expected: int, notes: str) -> Policy:
        return policies.publish_checked(spec=spec, by=request.user, now=now, expected=expected, notes=notes)

    return editing.Editor(
        what="policy",
        template="approvals/policy_form",
        form=form,
        current=current,
        number=current.revision if current else 0,
        revisions=revisions,
        publish=publish,
        url_of=lambda published_: reverse("approvals:policy", args=[published_.slug]),
        compare_url=reverse("approvals:compare_policy", args=[current.slug]) if current and revisions else "",
        cancel_url=own,
        compare=policy_changes.compare,
        is_taken=lambda slug: current is None and queries.is_taken(slug),
        context={
            "title": current.slug if current else "New policy",
            "crumbs": crumbs(("Policies", everything), *trail),
            "words": _words(spec, current),
            "preview_url": reverse("approvals:preview_policy"),
            "draft": draft,
            "is_floor": spec.slug == shipped.FLOOR_SLUG,
            "facts": known_facts(),
            "trial": TrialForm(),
            "dry_form": DryRunForm(),
            "review_part": "approvals/_policy_review.html",
        },
    )


def _words(spec: Policy, current: Policy | None) -> dict[str, Any]:
    return {
        "lines": wording.policy_in_words(spec, is_floor=spec.slug == shipped.FLOOR_SLUG),
        "problems_title": "It cannot be published yet",
        "current": current,
        "comparison": policy_changes.compare(current, spec) if current else None,
    }


def _current(slug: str) -> Policy | None:
    """What is published, with its parameters as rules."""
    if not slug or not queries.is_taken(slug):
        return None
    found = policies.find_policy(slug)
    return found if slug == shipped.FLOOR_SLUG else published.with_rules(found)
