"""DBOS: a workflow of 20 no-op steps, so many workflows in flight. Prints one JSON line: steps per second."""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS

STEPS = 20


@DBOS.step()
def step(number: int) -> int:
    return number


@DBOS.workflow()
def run(number: int) -> int:
    return sum(step(at) for at in range(STEPS))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    given = parser.parse_args()
    DBOS(
        config={
            "name": "bench",
            "system_database_url": given.dsn,
            "log_level": "ERROR",
            "run_admin_server": False,
        }
    )
    DBOS.launch()
    with ThreadPoolExecutor(given.in_flight) as threads:
        list(threads.map(run, range(given.in_flight)))
        started = time.perf_counter()
        list(threads.map(run, range(given.runs)))
        seconds = time.perf_counter() - started
    print(json.dumps({"steps_per_second": given.runs * STEPS / seconds}))
    DBOS.destroy()


if __name__ == "__main__":
    main()
