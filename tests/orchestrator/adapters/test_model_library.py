"""The library of models under many threads at once, in a process where nobody has loaded it yet."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

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
