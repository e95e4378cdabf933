"""One held payment, and everything that can be killed around it: it leaves exactly once, within 20 seconds.

Each test takes one lucky path away: the worker at each point of the payment's life, the web process between two
clicks, Redis, PostgreSQL.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config import embedded_postgres
from tests.fixtures.own_sites import OwnSite, own_site

__all__ = ["own_site"]

pytestmark = pytest.mark.processes


def _paid_once(site: OwnSite, run: str, before: list[Path]) -> None:
    site.until(lambda: site.run_state(run) == "succeeded")
    assert site.action_state(run) == "executed"
    assert site.count(run, "action.executed") == 1
    assert site.count(run, "action.released") == 1
    assert len(set(site.files()) - set(before)) == 1


def test_a_worker_killed_while_agents_work_is_replaced_and_the_payment_is_held_once(
    own_site: OwnSite,
) -> None:
    before = own_site.files()
    run = own_site.start_payment()
    own_site.kill("worker-runs")
    request = own_site.held(run)

    assert own_site.count(run, "action.held") == 1
    assert own_site.person("reviewer").sign_off(request)[0] == 200
    _paid_once(own_site, run, before)


def test_a_worker_killed_while_the_payment_waits_changes_nothing(own_site: OwnSite) -> None:
    before = own_site.files()
    run = own_site.start_payment()
    request = own_site.held(run)
    own_site.kill("worker-runs")
    own_site.kill("worker-resume")

    assert own_site.action_state(run) == "held"
    assert own_site.files() == before
    own_site.person("reviewer").sign_off(request)
    _paid_once(own_site, run, before)


def test_workers_killed_between_release_and_claim_leave_the_release_to_their_successors(
    own_site: OwnSite,
) -> None:
    before = own_site.files()
    run = own_site.start_payment()
    request = own_site.held(run)
    own_site.signal_workers(signal.SIGSTOP)
    own_site.person("reviewer").sign_off(request)
    assert own_site.action_state(run) == "released"

    own_site.kill("worker-resume")
    own_site.kill("worker-runs")

    _paid_once(own_site, run, before)


@pytest.mark.parametrize("point", ["payments.pay.written", "payments.pay.linked"])
def test_a_worker_killed_between_claim_and_result_pays_once_because_the_file_is_named_by_its_key(
    own_site: OwnSite, point: str
) -> None:
    before = own_site.files()
    run = own_site.start_payment()
    request = own_site.held(run)
    (own_site.crash / point).touch()

    own_site.person("reviewer").sign_off(request)

    own_site.until(lambda: not (own_site.crash / point).exists())
    _paid_once(own_site, run, before)
    assert own_site.count(run, "action.claimed") == 1


def test_a_worker_stopped_past_its_lease_writes_nothing_when_it_wakes(own_site: OwnSite) -> None:
    before = own_site.files()
    run = own_site.start_payment()
    request = own_site.held(run)
    own_site.person("reviewer").sign_off(request)
    stopped = [own_site.pid(name) for name in ("worker-resume", "worker-runs")]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3)  # longer than a lease of 2 s
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)

    _paid_once(own_site, run, before)


def test_a_web_process_killed_after_a_sign_off_loses_nothing(own_site: OwnSite) -> None:
    before = own_site.files()
    run = own_site.start_payment()
    request = own_site.held(run)
    reviewer = own_site.person("reviewer")
    own_site.kill("web")
    own_site.until(lambda: reviewer.get("/inbox/"))

    reviewer.sign_off(request)
    own_site.kill("web")

    _paid_once(own_site, run, before)


def _kill_redis(site: OwnSite) -> None:
    os.kill(int((site.var / "redis" / "redis.pid").read_text()), signal.SIGKILL)


def _stop_postgres(site: OwnSite) -> None:
    assert embedded_postgres.stop(site.var)


@pytest.mark.parametrize("take_away", [_kill_redis, _stop_postgres], ids=["redis", "postgresql"])
def test_a_lost_server_is_started_again_and_the_payment_still_leaves_once(
    own_site: OwnSite, take_away: Callable[[OwnSite], None]
) -> None:
    before = own_site.files()
    run = own_site.start_payment()
    request = own_site.held(run)

    take_away(own_site)

    reviewer = own_site.until(lambda: own_site.person("reviewer"), 30)
    own_site.until(lambda: reviewer.sign_off(request)[0] == 200 and own_site.action_state(run) != "held", 30)
    _paid_once(own_site, run, before)


def test_the_record_is_whole_after_all_that(own_site: OwnSite) -> None:
    verified = own_site.manage("verify_log")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    rebuilt = own_site.manage("rebuild", "--check")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
