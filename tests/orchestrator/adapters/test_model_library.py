"""The library of models under many threads at once, in a process where nobody has loaded it yet."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import warnings

import pytest
from django.conf import settings

from orchestrator.adapters import model_library
from orchestrator.domain import model_providers

_MANY = """
import sys, threading
from orchestrator.adapters import model_library
problems = []
start = threading.Barrier(8)
def use():
    start.wait()
    try:
        model_library.load()
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import ModelRequest
        from pydantic_ai.usage import RequestUsage
    except BaseException as error:
        problems.append(repr(error))
threads = [threading.Thread(target=use) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit("; ".join(problems) or 0)
"""


def test_threads_that_need_it_first_at_the_same_moment_all_get_the_whole_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MANY], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("provider", sorted({*model_providers.NEEDS, *model_providers.OTHERS}))
def test_every_provider_that_may_be_named_is_one_of_the_librarys(provider: str) -> None:
    model_library.load()
    from pydantic_ai.providers import infer_provider_class

    with warnings.catch_warnings(), contextlib.suppress(ImportError):
        warnings.simplefilter("ignore")
        infer_provider_class(provider)  # ValueError for a name that it does not know
    assert model_providers.is_known(provider)
    assert model_providers.is_known(f"gateway/{provider}")


def test_the_package_that_a_provider_lacks_is_named() -> None:
    assert model_library.lacks("groq") == "Please install the `groq` package to use the Groq provider"
    assert model_library.lacks("anthropic") == ""
    assert not model_providers.is_known("opnai")
