"""`make check`: everything that can be said of the source without running it. All are run; any failure fails."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests import locks

Answer = tuple[bool, str]
TYPED = ("config", "orchestrator", "approvals", "monitoring", "examples", "bench")


def main() -> int:
    checks: list[tuple[str, Callable[[], Answer]]] = [
        ("format", lambda: _run("ruff", "format", "--check", ".")),
        ("lint", lambda: _run("ruff", "check", ".")),
        ("import contracts", lambda: _run("lint-imports")),
        ("types", lambda: _run("mypy", "--no-error-summary", *TYPED)),
        ("migrations", lambda: _run("config.attached", "makemigrations", "--check", "--dry-run")),
        ("locks", locks.check),
    ]
    failed = []
    for name, check in checks:
        began = time.monotonic()
        fine, words = check()
        print(f"{'ok  ' if fine else 'FAIL'} {name} ({time.monotonic() - began:.1f} s)", flush=True)
        if words.strip() and (not fine or name == "locks"):
            print("     " + words.strip().replace("\n", "\n     "), flush=True)
        if not fine:
            failed.append(name)
    if failed:
        print(f"\nNot in order: {', '.join(failed)}.")
    return 1 if failed else 0


def _run(program: str, *arguments: str) -> Answer:
    """A program of the environment, or a module of ours when the name has a dot."""
    beside = Path(sys.executable).with_name(program)
    command = [sys.executable, "-m", program] if "." in program else [str(beside)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
