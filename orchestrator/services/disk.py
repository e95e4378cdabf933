"""Whether there is room left on the disk for new work. Asked before a claim, so that no run stops half-way."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

# Asking costs a system call; a claim asks often, a disk fills slowly.
REMEMBERED_SECONDS = 2.0
_asked: dict[str, tuple[float, Room]] = {}


@dataclass(frozen=True)
class Room:
    """Free and reserved bytes under `var`, and what to tell people when the former fall below the latter."""

    free: int
    reserve: int

    @property
    def is_full(self) -> bool:
        return self.free < self.reserve

    @property
    def message(self) -> str:
        free, reserve = self.free // 2**20, self.reserve // 2**20
        return (
            f"The disk is full: {free} MiB are free, {reserve} MiB are kept in reserve. Nothing new is started; "
            "everything decided so far is kept. Free some space and the runs go on by themselves."
        )


def disk_is_full() -> bool:
    """Whether fewer bytes than DISK_RESERVE_BYTES are free where Countersign writes. At most two seconds old."""
    return room().is_full


def room() -> Room:
    """What is free where Countersign writes. An unreadable disk counts as full."""
    now = time.monotonic()
    key = f"{settings.VAR_DIR} {settings.DISK_RESERVE_BYTES}"
    if key not in _asked or now - _asked[key][0] > REMEMBERED_SECONDS:
        _asked[key] = (now, Room(_free_bytes(settings.VAR_DIR), settings.DISK_RESERVE_BYTES))
    return _asked[key][1]


def _free_bytes(folder: Path) -> int:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        facts = os.statvfs(folder)
    except OSError:
        return 0
    return facts.f_bavail * facts.f_frsize
