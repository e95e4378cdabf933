"""What came of sending one parcel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """`is_final`: no further try can help. `is_gone`: it wants nothing more. `ends_round`: nor will its neighbours."""

    arrived: bool = False
    why: str = ""
    status: int | None = None
    is_final: bool = False
    is_gone: bool = False
    ends_round: bool = False
