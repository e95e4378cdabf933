"""`python -m bench [NAME …]`: measure everything, or what is named."""

from __future__ import annotations

import importlib
import sys

from bench import ground

ALL = (
    "engine_step",
    "engine_fanout",
    "engine_celery",
    "engine_long_run",
    "gate_assess",
    "gate_decide",
    "gate_inbox",
    "gate_provenance",
    "gate_race",
    "live_events",
)


def main() -> None:
    names = [name.replace(".", "_") for name in sys.argv[1:]] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        raise SystemExit(f"No such figure: {', '.join(unknown)}. There are: {', '.join(ALL)}.")
    ground.prepare()
    try:
        for name in names:
            importlib.import_module(f"bench.{name}").measure()
    finally:
        ground.stop()


if __name__ == "__main__":
    main()
