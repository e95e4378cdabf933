"""LangGraph with PostgresSaver, durability sync: a run of 20 no-op steps, so many runs in flight.

Prints one JSON line: steps per second over all runs.
"""

import argparse
import json
import operator
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypedDict

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

STEPS = 20


class State(TypedDict):
    done: Annotated[int, operator.add]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    given = parser.parse_args()
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with ConnectionPool(
        given.dsn, min_size=given.in_flight, max_size=given.in_flight + 2, kwargs=options
    ) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        builder = StateGraph(State)
        builder.add_node("step", lambda state: {"done": 1})
        builder.add_edge(START, "step")
        builder.add_conditional_edges("step", lambda state: END if state["done"] >= STEPS else "step")
        graph = builder.compile(checkpointer=saver)

        def run(_: int) -> None:
            config = {"configurable": {"thread_id": uuid.uuid4().hex}, "recursion_limit": STEPS + 5}
            assert graph.invoke({"done": 0}, config, durability="sync")["done"] == STEPS

        with ThreadPoolExecutor(given.in_flight) as threads:
            list(threads.map(run, range(given.in_flight)))
            started = time.perf_counter()
            list(threads.map(run, range(given.runs)))
            seconds = time.perf_counter() - started
    print(json.dumps({"steps_per_second": given.runs * STEPS / seconds}))


if __name__ == "__main__":
    main()
