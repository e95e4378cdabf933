"""Posts to hooks, through the guard of outgoing calls: never to a private address, never along a redirect, never long."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec

from approvals.adapters.outcomes import Outcome
from approvals.domain import notices_hooks
from approvals.services.notifications.packing import Parcel
from orchestrator.adapters import outgoing
from orchestrator.domain import errors

SECONDS = 10.0
READ_BYTES = 300


def post(parcel: Parcel) -> Outcome:
    """One try. The answer's beginning is kept for the log page when it is no success."""
    return asyncio.run(_post(parcel))


async def _post(parcel: Parcel) -> Outcome:
    import httpx2

    # Nothing packed is asked for, and nothing is unpacked: a few bytes could become as many millions.
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Countersign",
        "Accept-Encoding": "identity",
    }
    row = parcel.rows[0]
    if row.channel == "signed":
        headers["Countersign-Event"] = row.reason
        headers["Countersign-Delivery"] = msgspec.json.decode(parcel.body)["id"]
        headers["Countersign-Signature"] = notices_hooks.signature(
            parcel.secrets, int(time.time()), parcel.body
        )
    try:
        async with asyncio.timeout(SECONDS):
            async with (
                httpx2.AsyncClient(
                    transport=outgoing.transport(), timeout=SECONDS, follow_redirects=False
                ) as client,
                client.stream("POST", parcel.url, content=parcel.body, headers=headers) as response,
            ):
                said = b"" if response.is_success else await _beginning(response)
                return _outcome(response.status_code, said)
    except errors.CountersignError as refused:
        return Outcome(why=refused.message, ends_round=True)
    except (TimeoutError, httpx2.TimeoutException):
        return Outcome(why=f"It did not answer within {SECONDS:.0f} seconds.", ends_round=True)
    except Exception as error:
        return Outcome(why=f"It could not be reached ({type(error).__name__}).", ends_round=True)


def _outcome(status: int, said: bytes) -> Outcome:
    if 200 <= status < 300:
        return Outcome(arrived=True, status=status)
    words = said.decode(errors="replace").strip()
    answer = f"It answered {status}{f': {words}' if words else ''}"
    if status == 410:
        return Outcome(
            why="It answered 410 Gone, so it was ended.", status=status, is_final=True, is_gone=True
        )
    if 300 <= status < 400:
        why = f"It answered {status} and sends us elsewhere. Redirects are not followed: make a hook with the new address."
        return Outcome(why=why, status=status, ends_round=True)
    return Outcome(why=answer, status=status, ends_round=status >= 500 or status in {408, 429})


async def _beginning(response: Any) -> bytes:
    read = b""
    async for piece in response.aiter_raw():
        read += piece
        if len(read) >= READ_BYTES:
            break
    return read[:READ_BYTES]
