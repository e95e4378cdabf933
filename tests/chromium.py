"""Which Chromium the browser tests use, and getting one where it is allowed to.

In this order: the one named in COUNTERSIGN_CHROMIUM, an installed one, playwright's own in the project's cache, and
for root on Debian or Ubuntu the distribution's package with a font.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / "var" / "cache" / "playwright"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_A_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Prints the path of the browser that playwright downloaded, and of nothing else.
_ASK = (
    "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
)
_TRY = (
    "import sys\nfrom playwright.sync_api import sync_playwright as s\n"
    "with s() as p: p.chromium.launch(executable_path=sys.argv[1], args=sys.argv[2:]).close()"
)


def installed() -> str | None:
    """The path of a Chromium that is there now; nothing is downloaded and nothing started."""
    candidates = [os.environ.get("COUNTERSIGN_CHROMIUM"), *map(shutil.which, NAMES), *ON_A_MAC]
    return next((path for path in candidates if path and Path(path).exists()), None)


def obtain() -> tuple[str | None, str]:
    """A Chromium that starts, and in words where it is from; or None, and in words what was tried."""
    tried = []
    for words, attempt in (
        ("installed", installed),
        ("downloaded by playwright before", _downloaded),
        ("downloaded by playwright", _download),
        ("installed with apt-get", _apt),
    ):
        path = attempt()
        if path and _starts(path):
            return path, f"{path} ({words})"
        tried.append(f"{words}: {'does not start' if path else 'no'}")
    return None, "; ".join(tried)


def _starts(path: str) -> bool:
    return _python(_TRY, path, *FLAGS) is not None


def _downloaded() -> str | None:
    path = _python(_ASK) if CACHE.exists() else None
    return path if path and Path(path).exists() else None


def _download() -> str | None:
    print("No Chromium is installed; asking playwright for one ...", flush=True)
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    return _downloaded() if _quiet(command) else None


def _apt() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("Installing chromium and a font with apt-get ...", flush=True)
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    _quiet(["apt-get", "update"], **environment)
    _quiet(
        ["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
        **environment,
    )
    return installed()


def _python(program: str, *arguments: str) -> str | None:
    environment = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(CACHE)}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _quiet(command: list[str], **more: str) -> bool:
    environment = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(CACHE), **more}
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        print(f"  `{' '.join(command)}` did not end within 10 minutes.", flush=True)
        return False
    if done.returncode:
        print("  " + "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-3:]), flush=True)
    return done.returncode == 0
