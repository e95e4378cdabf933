"""axe-core over a page, as one list of what it finds."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """Every violation with the elements it concerns; empty when there is none."""
    # Through the debugger: the page's own policy forbids to add a script.
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": SOURCE.read_text(encoding="utf-8")})
    session.detach()
    found = page.evaluate(
        "async () => (await window.axe.run(document, {resultTypes: ['violations']})).violations"
    )
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')[:300]}"
        for violation in found
        for node in violation["nodes"]
    ]
