"""A fact of an approval request: the base of everything that is written on its stream."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of an approval stream. TYPE is its name on the log, `request` the id of its subject."""

    TYPE: ClassVar[str] = ""
    request: str
