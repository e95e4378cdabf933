"""The one door to effect rows: want, claim, renew, finish, retry, and the append's fragments for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.conf import settings

from orchestrator import sql
from orchestrator.domain.effects import Fence, Want
from orchestrator.sql import Fragment


class Held(NamedTuple):
    """An effect in this worker's hands. `dispatches` counts how often it was handed out."""

    key: str
    kind: str
    subject: str
    token: int
    dispatches: int


class Owner(NamedTuple):
    """A worker that goes on with a run: effects it causes are born claimed by it, at most `limit` of them."""

    holder: str
    limit: int


# Cheap effects that an owner may take several of; the slow ones are shared out between workers.
QUICK = frozenset({"validate", "assess"})


def share(wants: Sequence[Want], owner: Owner | None) -> tuple[list[Want], list[Want]]:
    """Which new wants are born claimed by the owner, and which are left for others."""
    if owner is None:
        return [], list(wants)
    mine: list[Want] = []
    others: list[Want] = []
    slow = 0
    for want in wants:
        if want.queue != "main" or len(mine) >= owner.limit or (want.kind not in QUICK and slow >= 1):
            others.append(want)
            continue
        slow += want.kind not in QUICK
        mine.append(want)
    return mine, others


# ---- fragments of the append ----
def want_fragment(mine: Sequence[Want], others: Sequence[Want], owner: Owner | None) -> Fragment:
    """Insert new effects: those of the owner already claimed, with token 1, a lease and a dispatch counted.

    An effect that was dropped (a pause) and is wanted again comes back to life; one that is done stays done.
    """
    values: list[Any] = [settings.LEASE_SECONDS]
    holder = owner.holder if owner else ""
    for want in mine:
        values += [want.key, want.kind, want.subject, want.queue, holder]
    for want in others:
        values += [want.key, want.kind, want.subject, want.queue]
    count, rest = len(mine), len(others)

    def render(first: int) -> str:
        rows = []
        at = first + 1
        for _ in range(count):
            k, kind, subject, queue, who = (f"${at + n}::text" for n in range(5))
            at += 5
            rows.append(
                f"({k},{kind},{subject},{queue},'claimed',1::int8,{who},"
                f"clock_timestamp()+${first}::float8*interval '1 second',1)"
            )
        for _ in range(rest):
            k, kind, subject, queue = (f"${at + n}::text" for n in range(4))
            at += 4
            rows.append(f"({k},{kind},{subject},{queue},'wanted',0::int8,'',NULL::timestamptz,0)")
        lease = "" if count else f" WHERE ${first}::float8 IS NOT NULL"
        return (
            'w AS (INSERT INTO "orchestrator_effect" AS x '
            "(stream_id,key,kind,subject,queue,state,token,holder,lease_until,dispatches) "
            f"SELECT s.id, v.* FROM s, (VALUES {','.join(rows)}) "
            f"AS v(key,kind,subject,queue,state,token,holder,lease_until,dispatches){lease} "
            "ON CONFLICT (key) DO UPDATE SET state='wanted', not_before=NULL, dispatches=0 "
            "WHERE x.state IN ('dropped','dead') RETURNING key)"
        )

    return Fragment(("want", count, rest), values, render)


def finish_fragment(fences: Sequence[Fence]) -> Fragment:
    """Mark the effects done whose result this append carries."""
    values: list[Any] = [part for fence in fences for part in (fence.key, fence.token)]
    count = len(fences)

    def render(first: int) -> str:
        rows = sql.values_rows(("text", "int8"), count, first)
        return (
            "f AS (UPDATE \"orchestrator_effect\" x SET state='done', lease_until=NULL "
            f"FROM s, (VALUES {rows}) AS v(key, token) WHERE x.key=v.key AND x.token=v.token)"
        )

    return Fragment(("finish", count), values, render)


# Effects that acted on the world keep their row; the others' rows are used again by what follows them.
KEPT = frozenset({"execute"})


def follow_fragment(fence: Fence, want: Want, owner: Owner) -> Fragment:
    """Put what the owner does next in the row of what it has just finished: one row written instead of two, and
    a table that holds what is open, however long the runs are. The effect is born claimed, as in want_fragment.

    The statement fails as a whole when another row has that key already (IntegrityError).
    """
    values = [fence.key, fence.token, want.key, want.kind, want.subject, want.queue, owner.holder]
    values.append(settings.LEASE_SECONDS)

    def render(first: int) -> str:
        done, token, key, kind, subject, queue, holder, lease = (f"${first + at}" for at in range(8))
        return (
            f'f AS (UPDATE "orchestrator_effect" x SET key={key}::text, kind={kind}::text, subject={subject}::text, '
            f"queue={queue}::text, token=1, holder={holder}::text, dispatches=1, not_before=NULL, error='', "
            f"wanted_at=clock_timestamp(), lease_until=clock_timestamp()+{lease}::float8*interval '1 second' "
            f"FROM s WHERE x.key={done}::text AND x.token={token}::int8)"
        )

    return Fragment(("follow",), values, render)


def drop_fragment(keys: Sequence[str]) -> Fragment:
    """Mark what is no longer wanted. What a worker holds stays its own until it reports: its answer may be kept."""

    def render(first: int) -> str:
        return (
            "d AS (UPDATE \"orchestrator_effect\" x SET state='dropped' FROM s "
            f"WHERE x.key=ANY(${first}::text[]) AND x.state='wanted')"
        )

    return Fragment(("drop",), [list(keys)], render)


def fence_condition(fences: Sequence[Fence], first: int) -> tuple[str, list[Any]]:
    """The condition on the stream's UPDATE that every fence still holds."""
    parts = []
    values: list[Any] = []
    for at, fence in enumerate(fences):
        place = first + at * 2
        parts.append(
            f'EXISTS (SELECT 1 FROM "orchestrator_effect" WHERE key=${place}::text AND token=${place + 1}::int8 '
            "AND state='claimed')"
        )
        values += [fence.key, fence.token]
    return " AND ".join(parts), values


# ---- single statements ----
def claim(stream: str, holder: str, *, limit: int, queue: str = "main") -> list[Held]:
    """Take effects of one run that are wanted or whose lease has run out. Each claim raises the token."""
    rows = sql.run(
        "UPDATE \"orchestrator_effect\" x SET state='claimed', token=token+1, dispatches=dispatches+1, holder=$2, "
        "lease_until=clock_timestamp()+$3::float8*interval '1 second' WHERE key IN ("
        'SELECT key FROM "orchestrator_effect" WHERE stream_id=$1::uuid AND queue=$5 AND '
        "state IN ('wanted','claimed') AND (state='wanted' OR lease_until<clock_timestamp()) AND "
        "(not_before IS NULL OR not_before<=clock_timestamp()) ORDER BY wanted_at LIMIT $4 FOR UPDATE SKIP LOCKED) "
        "RETURNING key, kind, subject, token, dispatches",
        [stream, holder, settings.LEASE_SECONDS, limit, queue],
    )
    return [Held(*row) for row in rows]


def renew(holder: str, held: Sequence[tuple[str, int]]) -> set[str]:
    """Lengthen the leases of what this worker holds; returns the keys that are still its own."""
    if not held:
        return set()
    rows = sql.run(
        "UPDATE \"orchestrator_effect\" x SET lease_until=clock_timestamp()+$1::float8*interval '1 second' "
        "FROM unnest($2::text[], $3::int8[]) AS v(key, token) "
        "WHERE x.key=v.key AND x.token=v.token AND x.state='claimed' AND x.holder=$4 RETURNING x.key",
        [settings.LEASE_SECONDS, [key for key, _ in held], [token for _, token in held], holder],
        prepare=False,
    )
    return {row[0] for row in rows}


def is_held(key: str, token: int) -> bool:
    rows = sql.run(
        "SELECT 1 FROM \"orchestrator_effect\" WHERE key=$1 AND token=$2 AND state='claimed'", [key, token]
    )
    return bool(rows)


def put_back(key: str, token: int, *, after: float = 0.0, error: str = "", count: bool = True) -> bool:
    """Give a held effect back, to be tried again after so many seconds. `count=False` takes the dispatch back."""
    rows = sql.run(
        "UPDATE \"orchestrator_effect\" SET state='wanted', holder='', lease_until=NULL, error=$3, "
        "dispatches=dispatches-$5::int4, not_before=clock_timestamp()+$4::float8*interval '1 second' "
        "WHERE key=$1 AND token=$2 AND state='claimed' RETURNING key",
        [key, token, error[:2000], after, 0 if count else 1],
    )
    return bool(rows)


def finish(key: str, token: int, state: str = "dropped", error: str = "") -> bool:
    """Close a held effect without an event: it is no longer wanted, or it is a dead letter."""
    rows = sql.run(
        'UPDATE "orchestrator_effect" SET state=$3, lease_until=NULL, error=$4 '
        "WHERE key=$1 AND token=$2 AND state='claimed' RETURNING key",
        [key, token, state, error[:2000]],
    )
    return bool(rows)


def want_again(stream: str, want: Want) -> None:
    """Open an effect that the state wants and that got lost; one that is open is left alone."""
    sql.run(
        'INSERT INTO "orchestrator_effect" AS x (stream_id,key,kind,subject,queue,state) '
        "VALUES ($1::uuid,$2,$3,$4,$5,'wanted') ON CONFLICT (key) DO UPDATE SET state='wanted', lease_until=NULL, "
        "not_before=NULL, dispatches=0 WHERE x.state NOT IN ('wanted','claimed')",
        [stream, want.key, want.kind, want.subject, want.queue],
    )


def stalled(limit: int = 500) -> list[tuple[str, str]]:
    """Runs with effects that nobody rang for: wanted and due, or with a lease that ran out. (stream, queue)."""
    return [
        (row[0], row[1])
        for row in sql.run(
            "SELECT stream_id::text, queue FROM \"orchestrator_effect\" WHERE state IN ('wanted','claimed') AND "
            "((state='wanted' AND (not_before IS NULL OR not_before<=clock_timestamp()) "
            "AND wanted_at < clock_timestamp() - interval '1 second') "
            "OR (state='claimed' AND (lease_until IS NULL OR lease_until<clock_timestamp()))) "
            "GROUP BY 1, 2 ORDER BY min(wanted_at) LIMIT $1",
            [limit],
        )
    ]


def open_effects(stream: str) -> list[dict[str, Any]]:
    """What a run wants or has out now, for its page."""
    rows = sql.run(
        "SELECT key, kind, subject, state, holder, dispatches, error, not_before, wanted_at "
        "FROM \"orchestrator_effect\" WHERE stream_id=$1::uuid AND state IN ('wanted','claimed','dead') ORDER BY wanted_at",
        [stream],
    )
    names = ("key", "kind", "subject", "state", "holder", "dispatches", "error", "not_before", "wanted_at")
    return [dict(zip(names, row, strict=True)) for row in rows]
