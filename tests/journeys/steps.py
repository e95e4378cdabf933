"""What people do on the pages, in their words: sign in by a link, start a run, open its cases, walk by keyboard.

Judges nothing; what must be true afterwards is said by the tests. The record is read through `site.database`.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import Locator, Page, expect

from tests.fixtures.sites import Site

EXAMPLES = settings.BASE_DIR / "examples" / "invoice_settlement" / "files"
TABLES = ("purchase_orders.csv", "goods_receipts.csv", "suppliers.csv", "paid_invoices.csv")
RIGHT = "acme_RE-2026-1184.xml"
START = "/workflows/invoice_settlement/start/"
SOON = 30_000


@dataclass(frozen=True)
class Case:
    """An approval request as its row stands."""

    id: str
    action: str
    amount: str
    status: str
    reason: str


def sign_in_link(site: Site, username: str) -> str:
    """The link that the terminal showed for this person."""
    said = site.output.read_text()
    return re.findall(rf"^  {username} +(http\S+)$", said, re.M)[-1]


def folder_of(place: Path, *names: str) -> list[Path]:
    """Own copies of example files, the tables included."""
    place.mkdir(exist_ok=True)
    return [Path(shutil.copy(EXAMPLES / name, place)) for name in (*TABLES, *names)]


def start_with_examples(page: Page, title: str) -> str:
    """From the form of the workflow; returns the run, whose page is then open."""
    page.goto(START)
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Use the example files").click()
    return opened_run(page)


def start_with(page: Page, files: list[Path], title: str) -> str:
    page.goto(START)
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Start the run").click()
    return opened_run(page)


def opened_run(page: Page) -> str:
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/$"))
    return page.url.rstrip("/").rsplit("/", 1)[1]


def start_payments(site: Site, *names: str, by: str = "operator") -> str:
    """A run over the right invoice (or over `names`), started without a browser."""

    def start() -> str:
        from django.utils import timezone

        from config.models import User
        from orchestrator.domain import ids
        from orchestrator.services import files, runs

        given = [(name, (EXAMPLES / name).read_bytes()) for name in (*TABLES, *(names or (RIGHT,)))]
        return runs.start_run(
            workflow="invoice_settlement",
            inputs={"files": files.keep_files(files=given)},
            key=ids.from_key("test", str(timezone.now())),
            by=User.objects.get(username=by),
            now=timezone.now(),
        )

    return site.database(start)


def cases_of(site: Site, run: str) -> list[Case]:
    """The run's approval requests."""

    def ask() -> list[Case]:
        from approvals.models import ApprovalRequest
        from orchestrator.models import Action

        amounts = {action.action: action.amount for action in Action.objects.filter(run_id=run)}
        found = ApprovalRequest.objects.filter(run=run)
        return [
            Case(str(one.id), one.action, f"{amounts[one.action]:.2f}", one.status, one.reason)
            for one in found
        ]

    return site.database(ask)


def case_over(site: Site, run: str, amount: str) -> Case:
    """The run's one case over this amount, such as "82000.00"."""
    (found,) = [case for case in cases_of(site, run) if case.amount == amount]
    return found


def held_case(site: Site, run: str) -> Case:
    """The run's one case, once it waits."""
    return site.wait_for(lambda: next((c for c in cases_of(site, run) if c.status == "pending"), None))


def run_of(site: Site, run: str) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        from orchestrator.models import Run

        return dict(Run.objects.filter(id=run).values().get())

    return site.database(ask)


def actions_of(site: Site, run: str) -> list[str]:
    """The states of the run's actions."""

    def ask() -> list[str]:
        from orchestrator.models import Action

        return sorted(Action.objects.filter(run_id=run).values_list("state", flat=True))

    return site.database(ask)


def payments(site: Site) -> set[Path]:
    return set((site.var / "payments").glob("*.xml"))


def cancel_all(site: Site) -> None:
    """Cancel every run that has not ended."""

    def cancel() -> None:
        from django.utils import timezone

        from config.models import User
        from orchestrator.domain import errors
        from orchestrator.models import Run
        from orchestrator.services import runs

        admin = User.objects.get(username="admin")
        for run in Run.objects.filter(ended_at=None).values_list("id", flat=True):
            with contextlib.suppress(errors.Refused):
                runs.cancel_run(run=str(run), reason="The journey is over.", by=admin, now=timezone.now())

    site.database(cancel)


def open_case(page: Page, case: Case) -> Locator:
    """By its line in the inbox; returns the case."""
    page.goto("/inbox/")
    page.locator(f"#case-{case.id}").click()
    shown = page.locator("#case")
    expect(shown.locator(f"#case-current[value='{case.id}']")).to_be_attached()
    return shown


def tab_to(page: Page, target: Locator, most: int = 80) -> None:
    """Press Tab until the target has the focus, as a person without a mouse does."""
    for _ in range(most):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} presses of Tab did not reach {target}.")
