"""Posts what webhooks are to be told: some at a time, through the guard of outgoing calls, never for long.

The ticker calls `deliver_in_background`, so that a slow receiver keeps nothing else waiting.
"""

from __future__ import annotations

import asyncio
import threading
import time

import structlog
from django.db import connection
from django.utils import timezone

from approvals.domain import webhooks
from approvals.services import webhooks as services
from approvals.services.webhooks import Outgoing
from orchestrator.adapters import outgoing
from orchestrator.domain import errors

log = structlog.get_logger(__name__)

AT_ONCE = 20
SECONDS = 10.0

_busy = threading.Lock()


def deliver_in_background() -> bool:
    """Begin a round in a thread of its own; whether one was begun, because the last may still go on."""
    if not _busy.acquire(blocking=False):
        return False

    def work() -> None:
        try:
            while deliver_due():
                pass
        except Exception:
            log.exception("webhooks_not_delivered")
        finally:
            connection.close()
            _busy.release()

    threading.Thread(target=work, name="webhooks", daemon=True).start()
    return True


def deliver_due() -> int:
    """Try what is due now; returns how many were tried."""
    due = services.take_due(timezone.now(), AT_ONCE)
    if not due:
        return 0
    for one, (status, error) in zip(due, asyncio.run(_post_all(due)), strict=True):
        services.record_try(delivery=one.id, tries=one.tries, status=status, error=error, now=timezone.now())
    return len(due)


async def _post_all(due: list[Outgoing]) -> list[tuple[int | None, str]]:
    import httpx2

    async with httpx2.AsyncClient(
        transport=outgoing.transport(), timeout=SECONDS, follow_redirects=False
    ) as client:
        return await asyncio.gather(*(_post(client, one) for one in due))


async def _post(client: object, one: Outgoing) -> tuple[int | None, str]:
    """One try: the status, and why it did not arrive. The answer's body is not read."""
    import httpx2

    assert isinstance(client, httpx2.AsyncClient)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Countersign",
        "Countersign-Event": one.event,
        "Countersign-Delivery": one.id,
        "Countersign-Signature": webhooks.signature(one.secret, int(time.time()), one.body),
    }
    try:
        async with asyncio.timeout(SECONDS):
            async with client.stream("POST", one.url, content=one.body, headers=headers) as response:
                return response.status_code, ""
    except errors.CountersignError as refused:
        return None, refused.message
    except TimeoutError:
        return None, f"It did not answer within {SECONDS:.0f} seconds."
    except Exception as error:
        return None, f"It could not be reached ({type(error).__name__})."
