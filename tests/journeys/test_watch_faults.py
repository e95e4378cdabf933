"""A watcher while Redis is killed: what happens meanwhile is told all the same, once, and live again when it is back."""

from __future__ import annotations

import os
import signal

import pytest

from tests.fixtures.own_sites import OwnSite, own_site
from tests.monitoring.sockets import Watcher

__all__ = ["own_site"]

pytestmark = pytest.mark.processes


def _head(site: OwnSite, run: str) -> int:
    return int(site.rows("SELECT head FROM orchestrator_stream WHERE id=%s", run)[0][0])


def test_a_killed_redis_costs_a_watcher_no_event(own_site: OwnSite) -> None:
    run = own_site.start_payment()
    own_site.held(run)
    operator = own_site.person("operator")
    session = next(cookie.value for cookie in operator.cookies if cookie.name == "sessionid") or ""
    watcher = Watcher(own_site.url, session, run)
    watcher.join()
    watcher.until(_head(own_site, run))
    redis = own_site.var / "redis" / "redis.pid"
    before = redis.read_text()
    os.kill(int(before), signal.SIGKILL)
    status, _ = operator.post(f"/runs/{run}/pause", {"reason": "Redis is away"})
    assert status == 200
    watcher.until(_head(own_site, run))
    assert watcher.events[-1]["detail"] == "Redis is away"
    own_site.until(lambda: redis.read_text() != before)
    operator.post(f"/runs/{run}/resume", {})
    watcher.until(_head(own_site, run))
    assert watcher.events[-1]["type"] == "run.resumed"
    assert watcher.is_whole()
    watcher.close()
