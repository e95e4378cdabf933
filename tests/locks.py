"""Keeps the lock files equal to what pyproject.toml asks for: hash-checked, naming no host."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")
COMMON = ("--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet")
LOCKS = {
    "requirements.lock": ("--extra", "embedded"),
    "requirements-dev.lock": ("--extra", "embedded", "--group", "dev", "-c", "requirements.lock"),
}


def check() -> tuple[bool, str]:
    """Whether resolving again changes nothing. Skipped with a word where no package index can be reached."""
    for name in LOCKS:
        if re.search(r"https?://", (ROOT / name).read_text()):
            return False, f"{name} names a host; make it anew with `make lock`."
    with tempfile.TemporaryDirectory() as folder:
        drafts, words = _compile(Path(folder))
        if not drafts:
            return True, f"not compared, as no package index answers: {words}"
        changed = [name for name in LOCKS if (drafts / name).read_bytes() != (ROOT / name).read_bytes()]
    if changed:
        return False, f"{', '.join(changed)} differ from pyproject.toml; make them anew with `make lock`."
    return True, ""


def write() -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        drafts, words = _compile(Path(folder))
        if not drafts:
            return False, words
        for name in LOCKS:
            shutil.copyfile(drafts / name, ROOT / name)
    return True, "The locks are written."


def _compile(folder: Path) -> tuple[Path | None, str]:
    """Resolve in a copy that holds the present locks, so that versions stay as they are where they may."""
    for name in ("pyproject.toml", *LOCKS):
        shutil.copyfile(ROOT / name, folder / name)
    environment = dict(os.environ)
    if index := _index():
        environment.setdefault("UV_DEFAULT_INDEX", index)
    for name, options in LOCKS.items():
        command = [str(UV), "pip", "compile", "pyproject.toml", *options, *COMMON, "-o", name]
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=180
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, type(error).__name__
        if done.returncode:
            return None, (done.stderr.strip().splitlines() or ["uv failed"])[-1]
    return folder, ""


def _index() -> str:
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    return os.environ.get("PIP_INDEX_URL") or (found.stdout.strip() if found.returncode == 0 else "")


if __name__ == "__main__":
    fine, words = write() if "--write" in sys.argv else check()
    print(words or "The locks are as pyproject.toml asks.")
    sys.exit(0 if fine else 1)
