"""The supervisor, with small processes of its own: it restarts the dead and leaves nobody behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config import processes

pytestmark = pytest.mark.processes

# Two parts: one that ends when asked and one that will not listen; each has a child of its own.
PROGRAM = """
import os, signal, subprocess, sys, time
from pathlib import Path
from config import lifeline
from config.supervisor import Part, Supervisor

folder = Path(sys.argv[1])

def part(name, listens):
    lifeline.tie_to_parent()
    if not listens:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (folder / f"{name}.child").write_text(str(child.pid))
    lifeline.report_ready()
    print(name, "works", flush=True)
    time.sleep(600)

supervisor = Supervisor(
    [Part("gentle", lambda: part("gentle", True)), Part("deaf", lambda: part("deaf", False))],
    logs=folder, record=folder / "processes.json", grace=1,
)
signal.signal(signal.SIGTERM, supervisor.ask_to_stop)
signal.signal(signal.SIGINT, supervisor.ask_to_stop)
supervisor.start()
print("late:", supervisor.wait_until_ready(30), flush=True)
supervisor.run()
print("stopped", flush=True)
"""


class Small:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(folder)], stdout=out, stderr=out, start_new_session=True
            )
        self.wait_for(lambda: "late: []" in self.output.read_text())

    def pid(self, name: str) -> int:
        return int(json.loads((self.folder / "processes.json").read_text())[name])

    def everybody(self) -> list[int]:
        children = [int((self.folder / f"{name}.child").read_text()) for name in ("gentle", "deaf")]
        return [self.pid("gentle"), self.pid("deaf"), *children]

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                if condition():
                    return
            except (OSError, ValueError):
                pass
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)


@pytest.fixture
def small(tmp_path):
    running = Small(tmp_path)
    everybody = running.everybody()
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(20)
    for pid in everybody:
        if processes.is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_killed_part_is_started_again_with_its_log_kept(small):
    before = small.pid("gentle")
    os.kill(before, signal.SIGKILL)
    small.wait_for(
        lambda: (
            small.pid("gentle") != before and (small.folder / "gentle.log").read_text().count("works") == 2
        )
    )
    assert "gentle ended (SIGKILL); starting it again." in small.output.read_text()


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_nobody_behind_not_even_who_does_not_listen(small, kind):
    everybody = small.everybody()
    small.process.send_signal(kind)
    assert small.process.wait(20) == 0
    assert [pid for pid in everybody if processes.is_alive(pid)] == []
    assert small.output.read_text().endswith("stopped\n")
    assert not (small.folder / "processes.json").exists()


def test_parts_end_by_themselves_when_the_supervisor_is_killed(small):
    gentle = small.pid("gentle")
    small.process.kill()
    small.process.wait()
    small.wait_for(lambda: not processes.is_alive(gentle))
