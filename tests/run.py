"""`make test`: finds or gets a browser, says which, and runs everything on two cores.

Without a browser the other tests are run, those that could not be are listed, and the command fails.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests import chromium


def main(arguments: list[str]) -> int:
    path, words = chromium.obtain()
    if path:
        print(f"Browser tests use {words}.", flush=True)
        os.environ["COUNTERSIGN_CHROMIUM"] = path
        return _pytest(*arguments)
    print(f"There is no Chromium, and none could be had ({words}).", flush=True)
    print("Install one, or name it in COUNTERSIGN_CHROMIUM.", flush=True)
    if os.environ.get("COUNTERSIGN_REQUIRE_BROWSER"):
        return 1
    code = _pytest("-m", "not browser and not shots", *arguments)
    print("\nNot run, for want of a browser:", flush=True)
    subprocess.call(
        [sys.executable, "-m", "pytest", "-m", "browser and not shots", "--collect-only", "-q", "-n", "0"]
    )
    return code or 1


def _pytest(*arguments: str) -> int:
    is_said = any(part in ("-n", "-p") or part.startswith("-n") for part in arguments)
    default = [] if is_said else ["-n", "2", "--dist", "loadgroup"]
    return subprocess.call([sys.executable, "-m", "pytest", *default, *arguments])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
