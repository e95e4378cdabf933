"""Policies: what there is, what each says in plain words, and how two of its revisions differ. Editing lies beside."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from approvals.domain import policy_changes, shipped, wording
from approvals.domain.facts import FactType
from approvals.domain.providers import BOOK
from approvals.queries import policies as queries
from approvals.services import policies
from orchestrator.domain import errors
from orchestrator.views.pages import compared, crumbs, page, readable

SEE = "approvals.view_policyrevision"
PUBLISH = "approvals.publish_policy"


@readable(SEE)
def policy_list(request: HttpRequest) -> HttpResponse:
    return page(request, "approvals/policy_list", {"cards": queries.policy_cards()})


@readable(SEE)
def policy(request: HttpRequest, slug: str) -> HttpResponse:
    newest = policies.find_policy(slug)
    wanted = request.GET.get("revision", "")
    spec = policies.find_revision(slug, int(wanted)) if wanted.isdigit() and len(wanted) < 9 else newest
    is_floor = slug == shipped.FLOOR_SLUG
    context = {
        "spec": spec,
        "newest": newest,
        "is_newest": spec.revision == newest.revision,
        "is_floor": is_floor,
        "lines": wording.policy_in_words(spec, is_floor=is_floor),
        "rules": [(rule, wording.rule_in_words(rule)) for rule in spec.rules],
        "revisions": queries.revisions(slug),
        "workflows": queries.workflows_by_policy().get(slug, ()),
        "draft": queries.find_draft(slug),
        "crumbs": crumbs(("Policies", reverse("approvals:policies"))),
    }
    return page(request, "approvals/policy_detail", context)


@readable(SEE)
def compare_policy(request: HttpRequest, slug: str) -> HttpResponse:
    spec = policies.find_policy(slug)
    numbers = [revision.number for revision in queries.revisions(slug)]
    if not numbers:
        raise errors.NotFound(
            f"The policy {slug} has not been published yet, so there is nothing to compare."
        )
    context = compared(
        request, lambda number: policies.find_revision(slug, number), numbers, policy_changes.compare
    )
    url = reverse("approvals:policy", args=[slug])
    context |= {
        "name": spec.slug,
        "url": url,
        "crumbs": crumbs(("Policies", reverse("approvals:policies")), (spec.slug, url)),
    }
    return page(request, "revision_compare", context)


def known_facts() -> list[tuple[str, list[FactType]]]:
    """What conditions may name, by the provider that knows it."""
    return [(provider.name, list(provider.facts)) for provider in BOOK.providers]
