"""Effects as rows: claimed once, renewed, taken over, dropped and wanted again."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from orchestrator import engine, outbox, sql
from orchestrator.domain import commands as c
from orchestrator.domain.effects import Want
from orchestrator.outbox import Owner
from tests.orchestrator import runs
from tests.orchestrator.workflows import workflow

transactional = pytest.mark.django_db(transaction=True)


def wants(*kinds: str, queue: str = "main") -> list[Want]:
    return [Want(f"k{at}", kind, f"s{at}", queue) for at, kind in enumerate(kinds)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "owner", "mine"),
    [
        (wants("turn"), None, []),
        (wants("turn"), Owner("me", 16), ["s0"]),
        (wants("turn"), Owner("me", 0), []),
        (wants("execute", "execute", "execute"), Owner("me", 16), ["s0"]),
        (wants("assess", "assess", "execute", "assess"), Owner("me", 16), ["s0", "s1", "s2", "s3"]),
        (wants(*["assess"] * 20), Owner("me", 16), [f"s{at}" for at in range(16)]),
        (wants("turn", queue="isolated"), Owner("me", 16), []),
    ],
)
def test_an_owner_takes_the_quick_ones_and_one_slow_one(
    wanted: list[Want], owner: Owner | None, mine: list[str]
) -> None:
    taken, others = outbox.share(wanted, owner)
    assert [want.subject for want in taken] == mine
    assert sorted(taken + others) == sorted(wanted)


@transactional
def test_eight_threads_claim_each_effect_once() -> None:
    run = runs.begin()
    runs.propose(run, *["t.look"] * 100)

    def claim(number: int) -> list[str]:
        taken: list[str] = []
        while held := outbox.claim(run, f"worker {number}", limit=7):
            assert len(held) <= 7
            assert {one.token for one in held} == {1}
            taken += [one.key for one in held]
        return taken

    found = runs.in_threads(8, claim)
    assert runs.raised(found) == []
    times = Counter(key for taken in found for key in taken)
    assert len(times) == 100
    assert set(times.values()) == {1}


@pytest.mark.django_db
def test_a_claim_raises_the_token_and_counts_the_dispatch() -> None:
    run = runs.begin()
    first = runs.take(run, "one")
    assert outbox.claim(run, "two", limit=9) == []
    runs.expire(run)
    second = runs.take(run, "two")
    assert (first.token, first.dispatches, second.token, second.dispatches) == (1, 1, 2, 2)
    assert runs.effect(run, "t1")["holder"] == "two"


@pytest.mark.django_db
def test_a_renewal_lengthens_only_what_is_still_held() -> None:
    run = runs.begin()
    held = runs.take(run, "one")
    runs.expire(run)
    assert outbox.renew("one", [(held.key, held.token)]) == {held.key}
    assert runs.effect(run, "t1")["lease"].total_seconds() > 0
    runs.expire(run)
    runs.take(run, "two")
    assert outbox.renew("one", [(held.key, held.token)]) == set()


@pytest.mark.django_db
def test_a_pause_drops_what_is_wanted_and_a_resume_wants_the_same_effect_again() -> None:
    run = runs.begin()
    key = runs.effect(run, "t1")["key"]
    pause(run)
    assert runs.effect(run, "t1")["state"] == "dropped"
    assert outbox.claim(run, "me", limit=9) == []
    resume(run)
    assert (runs.effect(run, "t1")["state"], runs.effect(run, "t1")["key"]) == ("wanted", key)
    assert runs.take(run).key == key


@pytest.mark.django_db
def test_what_a_worker_holds_stays_its_own_through_a_pause() -> None:
    run = runs.begin()
    held = runs.take(run)
    pause(run)
    assert runs.effect(run, "t1")["state"] == "claimed"
    runs.reply(run, held, output={"n": 1})
    assert runs.state_of(run).turns["t1"].answered
    resume(run)
    assert runs.effect(run, "t1", "validate")["state"] == "wanted"
    assert runs.effect(run, "t1", "turn")["state"] == "done"


@pytest.mark.django_db
def test_a_dead_letter_comes_back_to_life_with_its_dispatches_counted_anew() -> None:
    run = runs.begin()
    runs.reply(run, output={"n": 1})
    held = runs.take(run)
    engine.submit(
        run, c.DeadLetter(actor="system", at=runs.now(), kind="validate", subject="t1", text="Died.")
    )
    outbox.finish(held.key, held.token, "dead", "Died.")
    assert outbox.claim(run, "me", limit=9) == []
    resume(run)
    again = runs.take(run)
    assert (again.key, again.dispatches, again.token) == (held.key, 1, held.token + 1)


@pytest.mark.django_db
def test_an_effect_that_is_done_is_never_wanted_again() -> None:
    run = runs.begin()
    held = runs.take(run)
    runs.reply(run, held, more=True)
    want = Want(held.key, "turn", "t1", "main")
    outbox.want_again(run, want)
    assert runs.effect(run, "t1")["state"] == "wanted"  # a repair may, an append may not:
    sql.run("UPDATE \"orchestrator_effect\" SET state='done' WHERE key=$1", [held.key])
    fragment = outbox.want_fragment([], [want], None)
    sql.run(
        f"WITH s AS (SELECT $1::uuid AS id), {fragment.render(2)} SELECT count(*) FROM s",
        [run, *fragment.values],
    )
    assert runs.effect(run, "t1")["state"] == "done"


@pytest.mark.django_db
def test_an_effect_that_waits_is_not_claimed_before_its_time() -> None:
    run = runs.begin()
    held = runs.take(run)
    assert outbox.put_back(held.key, held.token, after=60, error="busy")
    row = runs.effect(run, "t1")
    assert (row["state"], row["error"], row["dispatches"]) == ("wanted", "busy", 1)
    assert 50 < row["waits"].total_seconds() <= 60
    assert outbox.claim(run, "me", limit=9) == []
    runs.due(run)
    assert runs.take(run).dispatches == 2


@pytest.mark.django_db
def test_an_effect_that_was_not_begun_gives_its_dispatch_back() -> None:
    run = runs.begin()
    held = runs.take(run)
    assert outbox.put_back(held.key, held.token, count=False)
    assert runs.take(run).dispatches == 1


@pytest.mark.django_db
@pytest.mark.parametrize("close", [outbox.put_back, outbox.finish])
def test_a_stale_holder_closes_nothing(close: Any) -> None:
    run = runs.begin()
    stale = runs.take(run)
    runs.expire(run)
    runs.take(run, "successor")
    assert close(stale.key, stale.token) is False
    assert runs.effect(run, "t1")["state"] == "claimed"


@pytest.mark.django_db
def test_isolated_work_is_claimed_from_its_own_queue_only() -> None:
    run = runs.begin(workflow(isolated=True))
    assert outbox.claim(run, "me", limit=9) == []
    assert runs.take(run, queue="isolated").subject == "t1"


@pytest.mark.django_db
def test_open_effects_are_what_a_run_waits_for() -> None:
    run = runs.begin()
    (opened,) = outbox.open_effects(run)
    assert (opened["kind"], opened["subject"], opened["state"]) == ("turn", "t1", "wanted")


def pause(run: str) -> None:
    engine.submit(run, c.PauseRun(actor="user:operator", at=runs.now(), reason="look"))


def resume(run: str) -> None:
    engine.submit(run, c.ResumeRun(actor="user:operator", at=runs.now()))
