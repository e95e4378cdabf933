"""A turn to hand to a runner, and a model server on a real socket."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orchestrator import ports
from orchestrator.adapters import portal
from orchestrator.domain.specs import AgentSpec, Budget, StageSpec, ToolSpec
from tests.fakes.chat_completions import ChatCompletions

PAY = ToolSpec(
    name="payments.pay",
    description="Pay an invoice.",
    parameters={
        "type": "object",
        "properties": {"payee": {"type": "string"}, "amount": {"type": "string"}},
        "required": ["payee", "amount"],
        "additionalProperties": False,
    },
    category="financial",
)
LOOK_UP = ToolSpec(
    name="suppliers.look_up",
    description="Look a supplier up.",
    parameters={"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    reads_only=True,
)
TOTAL = {
    "type": "object",
    "properties": {"total": {"type": "string"}},
    "required": ["total"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.COUNTERSIGN_MODULES = ["orchestrator.adapters.validators"]
    settings.COUNTERSIGN_OUTGOING_ALLOW = ["127.0.0.1"]


@pytest.fixture(autouse=True, scope="session")
def _no_loop_left_behind() -> Iterator[None]:
    yield
    portal.close()


@pytest.fixture
def server() -> Iterator[ChatCompletions]:
    with ChatCompletions() as running:
        yield running


@dataclasses.dataclass
class Turns:
    """Builds turn requests, and keeps what was streamed."""

    shown: list[str] = dataclasses.field(default_factory=list)

    def code(
        self, reference: str, inputs: Any = None, *, seconds: float = 10, **changes: Any
    ) -> ports.TurnRequest:
        agent = AgentSpec(
            slug="worker",
            name="Worker",
            owner="olga",
            reference=reference,
            budget=Budget(total_seconds=seconds),
        )
        return self.of(agent, StageSpec(name="work", agent="worker"), inputs=inputs or {}, **changes)

    def model(
        self,
        server: ChatCompletions | str,
        *,
        output_schema: dict[str, Any] | None = None,
        budget: Budget | None = None,
        reference: str = "local:test-model",
        instructions: str = "You add invoices up.",
        **changes: Any,
    ) -> ports.TurnRequest:
        agent = AgentSpec(
            slug="adder",
            name="Adder",
            owner="olga",
            kind="model",
            reference=reference,
            base_url=server if isinstance(server, str) else server.url,
            instructions=instructions,
            budget=budget or Budget(total_seconds=20, idle_seconds=10),
        )
        schema = TOTAL if output_schema is None else output_schema
        stage = StageSpec(name="adding", agent="adder", output_schema=schema)
        return self.of(agent, stage, **changes)

    def of(self, agent: AgentSpec, stage: StageSpec, **changes: Any) -> ports.TurnRequest:
        request = ports.TurnRequest(
            run="run-1",
            turn="turn-1",
            key="key-1",
            agent=agent,
            stage=stage,
            tools=(),
            inputs={"invoices": [{"total": "12.50"}]},
            attempt=1,
            number=1,
            feedback="",
            results=(),
            transcript=None,
            read_file=_no_file,
            is_cancelled=lambda: False,
            stream_text=self.shown.append,
        )
        return dataclasses.replace(request, **changes)


def _no_file(digest: str) -> bytes:
    raise AssertionError("no test here reads a file")


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until something is so; the test fails when it never is."""

    def wait(is_so: Callable[[], bool]) -> None:
        import time

        end = time.monotonic() + 10
        while not is_so():
            assert time.monotonic() < end, "this never came true"
            time.sleep(0.01)

    return wait
