"""Tools of other programs' servers: what such a server says of one, and the digest by which that is pinned."""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.domain import digests


class OfferedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as its server describes it now. All of it is that server's claim."""

    name: str
    description: str
    parameters: dict[str, Any]

    @property
    def digest(self) -> str:
        """What an administrator pins: any other name, description or schema has another digest."""
        return digests.digest(
            {"name": self.name, "description": self.description, "parameters": self.parameters}
        )
