"""The six families of errors. What a person reads is the first line of a docstring, or the message given.

A concrete error lives beside the code that raises it and is named for the rule it protects. Families decide
what happens next: which status a page answers with, whether an effect is tried again, whether a run pauses.
"""

from __future__ import annotations

from typing import Any


class CountersignError(Exception):
    """Something went wrong; nothing was changed."""

    status = 500

    def __init__(self, message: str | None = None, **facts: object) -> None:
        self.facts = facts
        super().__init__(message or _first_line(type(self)))

    @property
    def message(self) -> str:
        """What a person should read."""
        return str(self.args[0])


class Refused(CountersignError):
    """A rule does not allow this; nothing was changed."""

    status = 409


class NotPermitted(CountersignError):
    """You may not do this. Ask an administrator for the role that may."""

    status = 403


class NotFound(CountersignError):
    """There is nothing here under that address. It may have been removed, or the link may be incomplete."""

    status = 404


class Conflict(CountersignError):
    """Somebody else was first; reload to see what they decided."""

    status = 409


class PortFailure(CountersignError):
    """Something outside Countersign failed.

    `retry` tells the effect what to do: "transient" waits and tries again, "contract" sends the text back to
    the agent, "budget" pauses and asks a person, "permanent" gives up at once.
    `retry_after` is the wait the other side asked for, in seconds. `transcript` and `usage` are what the next
    attempt is told and what this one used, where the port knows it.
    """

    status = 502

    def __init__(
        self,
        message: str | None = None,
        *,
        retry: str = "transient",
        retry_after: float | None = None,
        **facts: object,
    ) -> None:
        super().__init__(message, **facts)
        self.retry = retry
        self.retry_after = retry_after
        self.transcript: Any = None
        self.usage: tuple[Any, ...] = ()


class Corrupt(CountersignError):
    """An invariant of the record is broken. The run was paused; an administrator must look at it."""

    status = 500


def _first_line(kind: type[BaseException]) -> str:
    return (kind.__doc__ or kind.__name__).strip().splitlines()[0]
