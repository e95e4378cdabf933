"""What earlier journeys left waiting is cancelled, so that each finds its own cases on the first page of the inbox."""

from __future__ import annotations

import pytest

from tests.journeys import steps

# Fixtures that hold runs for a whole module; they are made before this looks.
KEPT = {"names", "made"}


@pytest.fixture(autouse=True)
def _nothing_else_waits(request: pytest.FixtureRequest) -> None:
    if "site" in request.fixturenames and not KEPT & set(request.fixturenames):
        steps.cancel_all(request.getfixturevalue("site"))
