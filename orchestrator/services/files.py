"""Files that people give to a run: bounded, kept by digest, listed in the run's input."""

from __future__ import annotations

import mimetypes
import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from orchestrator import blobs
from orchestrator.domain import errors

MAX_FILES = 500
MAX_NAME = 255


class NoFiles(errors.Refused):
    """There is no file here to work on. Choose at least one, or another folder."""


class FileTooLarge(errors.Refused):
    """A file is too large."""


class Unreadable(errors.Refused):
    """A file or folder cannot be read. Check that it exists and that you may read it."""


def keep_files(*, files: Iterable[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """Keep named bytes; returns what the run's input says of them: name, digest, size, media type.

    Raises FileTooLarge, NoFiles. Two files of one name get different names; nothing is overwritten.
    """
    kept: list[dict[str, Any]] = []
    names: set[str] = set()
    total = 0
    for given, data in files:
        if len(kept) >= MAX_FILES:
            raise errors.Refused(
                f"At most {MAX_FILES} files may be given to one run. Start a second run for the rest."
            )
        if len(data) > settings.UPLOAD_MAX_BYTES:
            limit = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
            raise FileTooLarge(
                f"{safe_name(given)} is larger than {limit} MB. Split it, or ask for a higher limit."
            )
        total += len(data)
        if total > settings.UPLOAD_TOTAL_BYTES:
            limit = settings.UPLOAD_TOTAL_BYTES // (1024 * 1024)
            raise FileTooLarge(
                f"The files are larger than {limit} MB together. Start a second run for the rest."
            )
        name = _unused(safe_name(given), names)
        names.add(name)
        kept.append(
            {
                "name": name,
                "digest": blobs.put(data),
                "size": len(data),
                "media_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
            }
        )
    if not kept:
        raise NoFiles()
    return kept


def read_folder(folder: Path) -> list[tuple[str, bytes]]:
    """The files directly in a folder, by name, without hidden ones. Raises Unreadable, FileTooLarge, NoFiles."""
    try:
        with os.scandir(folder) as listing:
            entries = [entry for entry in listing if entry.is_file() and not entry.name.startswith(".")]
    except OSError as error:
        raise Unreadable(f"{folder} cannot be read as a folder: {error.strerror}.") from error
    entries.sort(key=lambda entry: entry.name)
    found = []
    for entry in entries:
        if entry.stat().st_size > settings.UPLOAD_MAX_BYTES:
            raise FileTooLarge(
                f"{entry.name} is larger than {settings.UPLOAD_MAX_BYTES // (1024 * 1024)} MB."
            )
        try:
            found.append((entry.name, Path(entry.path).read_bytes()))
        except OSError as error:
            raise Unreadable(f"{entry.name} cannot be read: {error.strerror}.") from error
    if not found:
        raise NoFiles(f"{folder} holds no file to work on. Choose a folder with files in it.")
    return found


def safe_name(name: str) -> str:
    """A file's own name: no folders, no control characters, bounded. What it says is kept as it is otherwise."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(
        character if unicodedata.category(character) not in {"Cc", "Cs"} else "\ufffd" for character in last
    ).strip()
    return kept[-MAX_NAME:] or "unnamed"


def _unused(name: str, taken: Sequence[str] | set[str]) -> str:
    if name not in taken:
        return name
    stem, dot, ending = name.rpartition(".")
    for number in range(2, MAX_FILES + 2):
        candidate = f"{stem} ({number}){dot}{ending}" if dot else f"{name} ({number})"
        if candidate not in taken:
            return candidate
    raise errors.Refused(f"Too many files are called {name}. Rename some.")


def read(digest: str) -> bytes:
    return blobs.read(digest)
