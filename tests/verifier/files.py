"""Exports of a real record, written to files, read by the stand-alone verifier in a Python without site-packages."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from orchestrator.services import export

PROGRAM = settings.BASE_DIR / "verifier" / "verify_export.py"


class Said(NamedTuple):
    """What the verifier answered."""

    code: int
    findings: list[tuple[str, str, int]]
    texts: list[str]
    unproven: str
    errors: str
    counts: dict[str, int]


def written(place: Path, scope: export.Scope | None = None, **options: Any) -> Path:
    file = place / "export.jsonl"
    file.write_bytes(b"".join(export.export_log(scope or export.Scope(), now=timezone.now(), **options)))
    return file


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def rewritten(
    file: Path, change: Callable[[list[dict[str, Any]]], Any], *, seal: bool = True, count: bool = True
) -> Path:
    """Change the file's lines. A forger makes the counts (`count`) and the closing digest (`seal`) right again."""
    lines = lines_of(file)
    change(lines)
    if seal and count:
        for line in lines:
            if line["line"] == "manifest":
                for name in export.COUNTED:
                    line[name] = sum(one["line"] == name.removesuffix("s") for one in lines)
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines if line["line"] != "end")
    if seal:
        data += json.dumps({"line": "end", "sha256": hashlib.sha256(data).hexdigest()}).encode() + b"\n"
    elif lines[-1]["line"] == "end":
        data += json.dumps(lines[-1]).encode() + b"\n"
    file.write_bytes(data)
    return file


def checked(file: Path, *options: str | Path) -> Said:
    """The verifier as an auditor runs it: isolated, without site-packages, outside this project."""
    command: Sequence[str | Path] = [sys.executable, "-I", "-S", PROGRAM, file, "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=file.parent, check=False)
    if done.returncode == 2:
        return Said(2, [], [], "", done.stderr, {})
    said = json.loads(done.stdout)
    found = [(one["problem"], one["stream"], one["seq"]) for one in said["findings"]]
    texts = [one["text"] for one in said["findings"]]
    return Said(done.returncode, found, texts, "\n".join(said["unproven"]), done.stderr, said["counts"])
