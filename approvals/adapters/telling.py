"""One round of telling: gather, pack, send, keep what came of it. The ticker begins rounds, each in its own thread.

People and hooks have a thread each, so that a hook that hangs keeps no person waiting; and every hook has a lane of
its own within the round. Nothing here runs in a transaction of a decision.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import connection
from django.utils import timezone

from approvals.adapters import hook_calls, mail
from approvals.adapters.outcomes import Outcome
from approvals.domain import notices as n
from approvals.services.notifications import gathering, hooks, packing, tries
from approvals.services.notifications.packing import Parcel
from orchestrator import dispatch

log = structlog.get_logger(__name__)

LANES = 8
Results = list[tuple[Parcel, Outcome]]
_busy = {"people": threading.Lock(), "hooks": threading.Lock()}


def tell_in_background() -> None:
    """Begin what is not going on already. The caller waits for nothing."""
    _begin("people", tell_people)
    _begin("hooks", tell_hooks)


def tell_people() -> int:
    """Gather, then send what is due to people; returns how many messages were tried."""
    gathering.gather(timezone.now())
    parcels = packing.pack(tries.take(n.PERSONAL, timezone.now()), timezone.now())
    shown = [parcel for parcel in parcels if parcel.lane == "browser"]
    for parcel in shown:
        tries.sent(parcel.rows, now=timezone.now(), message=parcel.message)
    if shown:
        dispatch.tell_people(sorted({parcel.rows[0].to for parcel in shown}))
    mails = [parcel for parcel in parcels if parcel.lane == "mail"]
    tried = set()
    for parcel, outcome in mail.send_all(mails) if mails else ():
        _keep(parcel, outcome)
        tried.add(parcel.message)
    for parcel in mails:
        if parcel.message not in tried:
            tries.put_back(parcel.rows, now=timezone.now())
    return len(parcels)


def tell_hooks() -> int:
    """Send what is due to hooks; returns how many messages were tried or put back."""
    parcels = packing.pack(tries.take(("chat", "signed"), timezone.now()), timezone.now())
    lanes: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        lanes.setdefault(parcel.lane, []).append(parcel)
    if not lanes:
        return 0
    with ThreadPoolExecutor(min(LANES, len(lanes)), thread_name_prefix="hook") as pool:
        for results in pool.map(_along, lanes.values()):
            for parcel, outcome in results:
                _keep(parcel, outcome)
            done = {parcel.message for parcel, _ in results}
            for parcel in lanes[results[0][0].lane]:
                if parcel.message not in done:
                    tries.put_back(parcel.rows, now=timezone.now())
    return len(parcels)


def send_now(notice: int) -> Outcome | None:
    """Try one mail or call while the caller waits, for the test buttons; None when it is taken already."""
    rows = tries.take_one(notice, timezone.now())
    parcels = packing.pack([rows], timezone.now()) if rows else []
    if not parcels:
        return None
    parcel = parcels[0]
    outcome = next(mail.send_all([parcel]))[1] if parcel.lane == "mail" else hook_calls.post(parcel)
    _keep(parcel, outcome)
    return outcome


def _along(parcels: Sequence[Parcel]) -> Results:
    """One hook's parcels in order. What shows that the next would fail too ends the lane for this round."""
    return list(_posted(parcels))


def _posted(parcels: Sequence[Parcel]) -> Iterator[tuple[Parcel, Outcome]]:
    for parcel in parcels:
        outcome = hook_calls.post(parcel)
        yield parcel, outcome
        if outcome.ends_round or outcome.is_gone:
            return


def _keep(parcel: Parcel, outcome: Outcome) -> None:
    now = timezone.now()
    if outcome.arrived:
        tries.sent(parcel.rows, now=now, message=parcel.message, status=outcome.status)
        return
    tries.failed(parcel.rows, now=now, why=outcome.why, status=outcome.status, is_final=outcome.is_final)
    if outcome.is_gone:
        hooks.gone(hook=parcel.lane, now=now)


def _begin(name: str, round_: Callable[[], int]) -> None:
    if not _busy[name].acquire(blocking=False):
        return

    def work() -> None:
        try:
            while round_():
                pass
        except Exception:
            log.exception("telling_failed", whom=name)
        finally:
            connection.close()
            _busy[name].release()

    threading.Thread(target=work, name=f"tell-{name}", daemon=True).start()
