"""A courier that works elsewhere, its API client, and its run."""

from __future__ import annotations

from typing import Any

import pytest

from tests import callers
from tests.callers import Api


@pytest.fixture
def courier(admin: Any) -> Api:
    callers.publish_agent(owner=admin.username)
    return Api(callers.agent_token(by=admin).secret)


@pytest.fixture
def run(courier: Api) -> str:
    return courier.start(title="Bring it")
