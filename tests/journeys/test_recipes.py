"""The recipes of docs/howto/recipes, each in its own locked environment, with a scripted model: `make test-recipes`.

Each asks for a payment, waits until people have signed, and pays once.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.utils import timezone

from orchestrator.services import catalogue
from tests import callers, locks
from tests.fakes.chat_completions import Answer, Call, ChatCompletions
from tests.fixtures.sites import Site
from tests.journeys.test_agents_elsewhere import Elsewhere

pytestmark = pytest.mark.recipes
RECIPES = Path(__file__).parents[2] / "docs/howto/recipes"
NAMES = sorted(path.parent.name for path in RECIPES.glob("*/recipe.py"))


def environment_of(name: str) -> Path:
    """The Python of a recipe's own environment, made to be exactly what its lock says."""
    folder = settings.BASE_DIR / "var" / "recipes" / name
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run(
            [str(locks.UV), "venv", "--quiet", "--python", sys.executable, str(folder)], check=True
        )
    subprocess.run(
        [
            str(locks.UV),
            "pip",
            "sync",
            "--quiet",
            "--require-hashes",
            "--python",
            str(python),
            str(RECIPES / name / "requirements.lock"),
        ],
        check=True,
    )
    return python


def cashier() -> str:
    """The secret of an agent that may ask for payments."""
    from config.models import User

    tool = msgspec.structs.replace(callers.PAY, name="bank.pay")
    scope = msgspec.structs.replace(callers.SCOPE, tools=("bank.pay",))
    with contextlib.suppress(catalogue.NothingChanged):
        catalogue.publish_tool(spec=tool, by="admin", now=timezone.now())
    with contextlib.suppress(catalogue.NothingChanged):
        callers.publish_agent("cashier", owner="admin", scope=scope)
    return callers.agent_token("cashier", by=User.objects.get(username="admin")).secret


def test_every_recipe_has_its_lock() -> None:
    assert len(NAMES) >= 4
    assert [name for name in NAMES if not (RECIPES / name / "requirements.lock").exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_waits_for_people_and_pays_once(site: Site, name: str, tmp_path: Path) -> None:
    python = environment_of(name)
    elsewhere = Elsewhere(site)
    secret = site.database(cashier)
    asked = Call("pay", callers.PAYMENT, "call_pay")
    paid = tmp_path / "payments"
    with ChatCompletions([Answer(calls=(asked,)), Answer(text="It is paid.")]) as model:
        program = subprocess.Popen(
            [str(python), str(RECIPES / name / "recipe.py")],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "PYTHONPATH": str(RECIPES),
                "COUNTERSIGN_URL": site.url,
                "COUNTERSIGN_TOKEN": secret,
                "MODEL_URL": model.url,
                "PAYMENTS": str(paid),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        people = elsewhere.people[0]
        address = "/approval-requests?status=pending"

        def waiting() -> str:
            assert program.poll() is None, program.communicate()[1]
            found = [
                request
                for request in people.send("GET", address)[1]["requests"]
                if request["agent"] == "cashier"
            ]
            return str(found[0]["run"]) if found else ""

        run = site.wait_for(waiting, seconds=60)
        assert not paid.exists()
        elsewhere.approve(run)
        said, complaints = program.communicate(timeout=60)
    assert program.returncode == 0, complaints
    assert "It is paid." in said
    assert [json.loads(line) for line in paid.read_text().splitlines()] == [list(callers.PAYMENT.values())]
    assert json.dumps(model.asked[1].body).count("82000.00") >= 2
    assert people.send("GET", f"/runs/{run}")[1]["state"] == "succeeded"
