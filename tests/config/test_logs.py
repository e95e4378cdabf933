"""What the log keeps of an error: where it was, never the values of variables."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

_RAISE = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
import structlog
def ask():
    key = "sk-" + "never-shown"
    raise ValueError("no answer")
try:
    ask()
except ValueError:
    structlog.get_logger("x").exception("effect_failed", run="r1")
"""


def test_a_logged_error_shows_its_place_and_no_variable() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _RAISE], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60
    )
    said = done.stdout + done.stderr
    assert "effect_failed" in said
    assert "ValueError: no answer" in said
    assert "sk-never-shown" not in said
