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


_ASK = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from types import SimpleNamespace
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.handlers.exception import response_for_exception
from django.test import RequestFactory
from django.urls import set_urlconf
import sys, types
urls = types.ModuleType("urls")
urls.urlpatterns = []
sys.modules["urls"] = urls
set_urlconf("urls")
for error in (PermissionDenied("no"), SuspiciousOperation("odd"), ValueError("broken")):
    request = RequestFactory().get("/policies/" + type(error).__name__)
    try:
        raise error
    except Exception as raised:
        try:
            response_for_exception(request, raised)
        except Exception:
            pass
"""


def test_a_refusal_is_one_line_of_the_log_and_a_fault_keeps_its_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ASK], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60
    )
    said = done.stderr.splitlines()
    refused = [line for line in said if "/policies/PermissionDenied" in line or line.endswith("odd")]
    assert len(refused) == 2, said
    assert [line for line in said if line.startswith("Traceback")] == ["Traceback (most recent call last):"]
    assert said[-1] == "ValueError: broken"
