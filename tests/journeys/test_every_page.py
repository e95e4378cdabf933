"""Every page with what it really shows: no violation of axe, nothing wider than the screen, no other host, a picture.

Each page is looked at once, in one of the four pairs of width and theme by turns. `make shots` takes all pairs, and
beside them an installation where nothing happened yet and a run of 10,000 events, into `var/shots`.
"""

from __future__ import annotations

import contextlib
import html
import os
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.fixtures.own_sites import OwnSite, own_site
from tests.journeys import steps
from tests.static.axe import violations

__all__ = ["own_site"]

SHOTS = Path(os.environ.get("COUNTERSIGN_SHOTS") or settings.BASE_DIR / "var" / "shots")
PICTURE = settings.BASE_DIR / "docs" / "pictures" / "case.png"
HEIGHTS = {1440: 900, 390: 844}
PAIRS = list(product(HEIGHTS, ["light", "dark"]))
# An address is a page of its own; the first paint must not wait for more than this.
MOST_BYTES = 100_000
# Whatever moves to an end has come to it.
AT_REST = """() => Promise.all(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
    .map((one) => one.finished.catch(() => null)))"""
# These hold all stages or all rules as forms, or print whole schemas.
LARGE = {"workflow", "workflow-edit", "workflow-compare", "run-outputs", "policy-edit"}


@dataclass(frozen=True)
class Shown:
    """One page: who looks, the address (names in braces are filled in), and what is opened on it first."""

    who: str
    address: str
    opened: Callable[[Page], None] | None = None
    status: int = 200


def _click(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.click()


PAGES: dict[str, Shown] = {
    "sign-in": Shown("", "/account/login/"),
    "sign-in-link": Shown("", "{link}"),
    "sign-in-link-spent": Shown("", "/sign-in/nothing/", status=410),
    "sign-in-inactive": Shown("", "/account/inactive/"),
    "overview": Shown("operator", "/"),
    "overview-reviewer": Shown("reviewer", "/"),
    "runs": Shown("operator", "/runs/"),
    "commitments": Shown("operator", "/runs/commitments/"),
    "commitments-nothing": Shown("operator", "/runs/commitments/?q=nothing+matches+this&run={external}"),
    "runs-nothing": Shown("operator", "/runs/?q=nothing+matches+this"),
    "run-new": Shown("operator", "/runs/new/"),
    "run-start": Shown("operator", "/workflows/invoice_settlement/start/"),
    "run-waiting": Shown("operator", "/runs/{run}/"),
    "run-cancel": Shown("operator", "/runs/{run}/", _click("#run-cancel")),
    "run-drawer": Shown("operator", "/runs/{run}/actions/", _click(".chain [data-drawer]")),
    "run-actions": Shown("operator", "/runs/{run}/actions/"),
    "run-outputs": Shown("operator", "/runs/{run}/outputs/"),
    "run-cost": Shown("operator", "/runs/{run}/cost/"),
    "run-log": Shown("operator", "/runs/{run}/log/"),
    "run-files": Shown("operator", "/runs/{run}/files/"),
    "run-event": Shown("operator", "/runs/{run}/events/9/"),
    "run-ended": Shown("operator", "/runs/{ended}/"),
    "run-fault": Shown("operator", "/runs/{fault}/"),
    "policies": Shown("reviewer", "/policies/"),
    "policy": Shown("reviewer", "/policies/balanced/"),
    "policy-edit": Shown("admin", "/policies/balanced/edit/"),
    "policy-compare": Shown("reviewer", "/policies/strict/compare/"),
    "inbox": Shown("reviewer", "/inbox/"),
    "inbox-nothing": Shown("reviewer", "/inbox/?q=nothing+matches+this"),
    "inbox-filters": Shown("reviewer", "/inbox/?tab=all&tier=high&least=500"),
    "review-statistics": Shown("admin", "/inbox/statistics/"),
    "canaries": Shown("admin", "/inbox/canaries/"),
    "canary-plant": Shown("admin", "/inbox/canaries/like/{case}/"),
    "samples": Shown("reviewer", "/samples/"),
    "inbox-decided": Shown("reviewer", "/inbox/?tab=decided"),
    "case": Shown("reviewer", "/inbox/{case}/"),
    "case-hostile": Shown("reviewer", "/inbox/{hostile}/"),
    "case-reject": Shown("reviewer", "/inbox/{case}/", _click("[data-reject]")),
    "case-decided": Shown("reviewer", "/inbox/{decided}/"),
    "case-operator": Shown("operator", "/inbox/{case}/"),
    "workflows": Shown("admin", "/workflows/"),
    "workflow": Shown("operator", "/workflows/invoice_settlement/"),
    "workflow-new": Shown("admin", "/workflows/new/"),
    "workflow-edit": Shown("admin", "/workflows/invoice_settlement/edit/"),
    "workflow-compare": Shown("admin", "/workflows/invoice_settlement/compare/"),
    "agents": Shown("admin", "/agents/"),
    "agent": Shown("reviewer", "/agents/treasurer/"),
    "agent-new": Shown("admin", "/agents/new/"),
    "agent-edit": Shown("admin", "/agents/treasurer/edit/"),
    "agent-compare": Shown("admin", "/agents/treasurer/compare/"),
    "agent-tokens": Shown("admin", "/agents/courier/tokens/"),
    "own-tokens": Shown("reviewer", "/account/tokens/"),
    "run-external": Shown("operator", "/runs/{external}/"),
    "tools": Shown("admin", "/tools/"),
    "tool": Shown("admin", "/tools/payments.pay/"),
    "tool-new": Shown("admin", "/tools/new/"),
    "tool-edit": Shown("admin", "/tools/payments.pay/edit/"),
    "audit": Shown("operator", "/audit/"),
    "audit-nothing": Shown("reviewer", "/audit/?q=nothing+matches+this&since=x"),
    "audit-chain": Shown("reviewer", "/audit/actions/{ended}/a1/"),
    "audit-record": Shown("admin", "/audit/record/"),
    "audit-erase": Shown("admin", "/audit/record/", _click("[data-sheet-open='#erase']")),
    "notifications": Shown("reviewer", "/notifications/"),
    "mail-address": Shown("reviewer", "/account/mail/"),
    "mail-link-spent": Shown("reviewer", "/account/mail/confirm/nothing/", status=410),
    "delegations": Shown("reviewer", "/delegations/"),
    "outgoing": Shown("admin", "/outgoing/"),
    "group-notifications": Shown("admin", "/outgoing/groups/reviewer/"),
    "people": Shown("admin", "/people/"),
    "person": Shown("admin", "/people/reviewer/"),
    "person-stand-in": Shown("admin", "/people/reviewer/", _click("details summary")),
    "person-new": Shown("admin", "/people/new/"),
    "people-nobody": Shown("admin", "/people/?q=nobody+is+called+so"),
    "person-history": Shown("admin", "/people/{nina}/"),
    "groups": Shown("admin", "/people/groups/"),
    "group": Shown("admin", "/people/groups/{group}/"),
    "ways": Shown("{nina}", "/account/ways/"),
    "ways-nothing": Shown("operator", "/account/ways/"),
    "confirm": Shown("{nina}", "/account/ways/app/add/"),
    "confirm-by-code": Shown("{nina}", "/account/ways/code/again/"),
    "password": Shown("operator", "/account/password/change/"),
    "keys": Shown("reviewer", "/", lambda page: page.keyboard.press("?")),
    "sign-out": Shown("operator", "/account/logout/"),
    "run-lanes": Shown("operator", "/runs/{run}/?trace=lanes"),
    "run-past": Shown("operator", "/runs/{run}/?at=20"),
    "not-found": Shown("operator", "/runs/00000000-0000-0000-0000-000000000000/", status=404),
    "not-permitted": Shown("reviewer", "/runs/new/", status=403),
}


@pytest.fixture(scope="module")
def names(site) -> dict[str, str]:
    """What the addresses are filled in with: a run that waits, one that has ended, one with a fault, their cases."""
    run = steps.start_payments(site, *(path.name for path in steps.EXAMPLES.glob("*.xml")))
    site.wait_for(lambda: len(steps.cases_of(site, run)) == 8)
    ended = steps.start_payments(site, steps.RIGHT)
    decided = steps.held_case(site, ended)
    site.database(lambda: _sign_off(decided.id))
    site.wait_for(lambda: steps.run_of(site, ended)["state"] == "succeeded")
    fault = site.database(_start_fault)
    site.wait_for(lambda: steps.run_of(site, fault)["state"] == "paused")
    external = site.database(_start_external)
    return {
        "external": external,
        **site.database(_people),
        "link": steps.sign_in_link(site, "reviewer2"),
        "run": run,
        "ended": ended,
        "fault": fault,
        "case": steps.case_over(site, run, "82000.00").id,
        "hostile": steps.case_over(site, run, "4032.00").id,
        "decided": decided.id,
    }


def _start_external() -> str:
    """A run of an agent that works elsewhere, which has asked for a payment."""
    from django.utils import timezone

    from approvals.services import tokens
    from config.models import User
    from orchestrator.domain.replies import ProposedAction
    from orchestrator.services import catalogue, commitments, external, proposals
    from tests import callers

    with contextlib.suppress(catalogue.NothingChanged):
        callers.publish_agent(owner="admin")
    made = callers.agent_token(by=User.objects.get(username="admin"))
    caller = tokens.recognise(made.secret)
    run = external.start_run(caller=caller, key=made.id, title="Elsewhere", now=timezone.now())
    asked = ProposedAction(tool="door.pay", arguments=dict(callers.PAYMENT), reason="It is due.")
    proposals.propose(caller=caller, run=run, proposal=asked, now=timezone.now())
    due = "2030-01-01T12:00:00Z"
    commitments.make_commitment(
        caller=caller,
        run=run,
        creditor="treasurer",
        consequent="sends the receipt",
        due=due,
        premises=["It is due."],
    )
    hostile = "<script>alert(1)</script>\u202e" + "N" * 300
    made = commitments.make_commitment(
        caller=caller,
        run=run,
        creditor="W" * 200,
        consequent=hostile,
        antecedent=hostile,
        premises=[hostile] * 3,
    )
    commitments.settle_commitment(caller=caller, run=run, commitment=made, outcome="cancelled", text=hostile)
    return run


def _people() -> dict[str, str]:
    """Somebody with groups, a second factor and a history, under a name that misleads."""
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
    from django.utils import timezone

    from config import groups, staff
    from config.models import User

    admin, now, mark = User.objects.get(username="admin"), timezone.now(), uuid.uuid4().hex[:6]
    nina, group = f"nina.{mark}", f"finance-{mark}"
    staff.invite_person(username=nina, name="<b>Nina</b> " + "N" * 120, roles=["reviewer"], by=admin, now=now)
    groups.create_group(name=group, by=admin, now=now)
    groups.move(name=group, username=nina, is_in=True, by=admin, now=now)
    person = User.objects.get(username=nina)
    # A name that came in before names were looked at.
    User.objects.filter(pk=person.pk).update(last_name="\u202eanin" + "N" * 120)
    TOTP.activate(person, generate_totp_secret())
    RecoveryCodes.activate(person)
    key = {"name": "<script>alert(1)</script>\u202e", "credential": {"clientExtensionResults": {}}}
    Authenticator.objects.create(user=person, type="webauthn", data=key)
    return {"nina": nina, "group": group}


def _sign_off(request: str) -> None:
    from django.utils import timezone

    from approvals.queries import case
    from approvals.services import sign_offs
    from config.models import User

    reviewer = User.objects.get(username="reviewer2")
    shown = case.case(request=request, person=reviewer)
    sign_offs.sign_off(
        request=request,
        by=reviewer,
        verb="approve",
        seen_digest=shown.digest,
        seen_version=shown.version,
        reason="",
        opened_at=timezone.now(),
        now=timezone.now(),
    )


def _start_fault() -> str:
    from django.utils import timezone

    from orchestrator.domain import digests
    from orchestrator.domain.specs import AgentSpec, StageSpec, WorkflowSpec
    from orchestrator.services import runs

    spec = WorkflowSpec(
        slug="faulty",
        name="Faulty",
        owner="admin",
        revision=1,
        agents={
            "worker": AgentSpec(
                slug="worker", name="Worker", owner="admin", revision=1, reference="journeys.raises"
            )
        },
        stages=(StageSpec(name="only", agent="worker"),),
    )
    return runs.start_revision(
        spec=digests.encode(spec), inputs={}, key=uuid.uuid4().hex, by="operator", now=timezone.now()
    )


def _look(page: Page, base: str, name: str, shown: Shown, address: str) -> None:
    """Open the page and hold it to what every page owes."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("dialog", lambda dialog: problems.append(f"a dialog opened: {dialog.message}"))
    page.on("request", lambda request: _note_foreign(request.url, base, problems))
    page.on(
        "console",
        lambda said: (
            problems.append(f"console: {said.text}")
            if said.type == "error" and "Failed to load resource" not in said.text
            else None
        ),
    )
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == shown.status
    assert len(answer.body()) <= MOST_BYTES or name in LARGE
    expect(page.locator("h1").first).to_be_visible()
    if shown.opened:
        shown.opened(page)
    page.evaluate(AT_REST)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert violations(page) == []
    assert problems == []


def _note_foreign(url: str, base: str, problems: list[str]) -> None:
    if not url.startswith((base, "data:", "blob:", base.replace("http", "ws", 1))):
        problems.append(f"asked another host: {url}")


def _shot(page: Page, name: str, width: int, theme: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}-{width}-{theme}.png")


def _options(width: int, theme: str) -> dict[str, object]:
    return {"viewport": {"width": width, "height": HEIGHTS[width]}, "color_scheme": theme}


@pytest.mark.parametrize(
    ("name", "width", "theme"), [(name, *PAIRS[at % 4]) for at, name in enumerate(PAGES)]
)
def test_the_page_is_accessible_fits_and_asks_nobody_else(
    site, new_context, names, name: str, width: int, theme: str
) -> None:
    shown = PAGES[name]
    page = new_context(shown.who.format(**names) or None, **_options(width, theme)).new_page()
    _look(page, site.url, name, shown, shown.address.format(**names))
    _shot(page, name, width, theme)


# ---- make shots ----
@pytest.fixture(scope="module")
def gallery() -> Iterator[Path]:
    """The folder of pictures, with a page that shows them all."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for old in SHOTS.glob("*.png"):
        old.unlink()
    yield SHOTS
    pictures = "\n".join(
        f'<figure><img loading="lazy" src="{one.name}"><figcaption>{html.escape(one.stem)}</figcaption></figure>'
        for one in sorted(SHOTS.glob("*.png"))
    )
    style = "body{font:14px sans-serif;background:#777}figure{display:inline-block;margin:8px}img{max-height:800px}"
    (SHOTS / "index.html").write_text(f"<!doctype html><title>Shots</title><style>{style}</style>{pictures}")


@pytest.mark.shots
@pytest.mark.parametrize(("width", "theme"), PAIRS)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_at_every_width_and_theme(
    gallery, site, new_context, names, name: str, width: int, theme: str
) -> None:
    shown = PAGES[name]
    page = new_context(shown.who.format(**names) or None, **_options(width, theme)).new_page()
    _look(page, site.url, name, shown, shown.address.format(**names))
    _shot(page, name, width, theme)


@pytest.mark.shots
@pytest.mark.parametrize(("width", "theme"), PAIRS)
def test_a_run_of_10000_events(gallery, site, new_context, width: int, theme: str) -> None:
    from tests.monitoring.runs import long_run

    run = site.database(lambda: long_run(10_000))
    page = new_context("operator", **_options(width, theme)).new_page()
    for name, tab in (
        ("full-trace", ""),
        ("full-lanes", "?trace=lanes"),
        ("full-log", "log/"),
        ("full-cost", "cost/"),
    ):
        _look(page, site.url, name, Shown("operator", ""), f"/runs/{run}/{tab}")
        _shot(page, name, width, theme)


@pytest.mark.shots
@pytest.mark.parametrize(("width", "theme"), PAIRS)
def test_an_installation_where_nothing_happened_yet(
    gallery, own_site: OwnSite, browser, width: int, theme: str
) -> None:
    for who, name, path in (
        ("operator", "empty-overview", "/"),
        ("operator", "empty-runs", "/runs/"),
        ("reviewer", "empty-inbox", "/inbox/"),
        ("reviewer", "empty-overview-reviewer", "/"),
        ("admin", "empty-people", "/people/"),
    ):
        context = browser.new_context(base_url=own_site.url, **_options(width, theme))
        page = context.new_page()
        page.goto("/account/login/")
        page.get_by_label("Username").fill(who)
        page.get_by_label("Password", exact=True).fill("demonstration-only")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile("/$"))
        _look(page, own_site.url, name, Shown(who, path), path)
        _shot(page, name, width, theme)
        context.close()


@pytest.mark.shots
def test_the_picture_of_the_readme(site, new_context) -> None:
    case = steps.held_case(site, steps.start_payments(site))
    page = new_context("reviewer", viewport={"width": 1280, "height": 800}, color_scheme="light").new_page()
    page.goto(f"/inbox/{case.id}/")
    expect(page.locator("[data-approve]")).to_be_in_viewport()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURE)
    assert PICTURE.stat().st_size < 300_000
