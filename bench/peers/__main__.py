"""`python -m bench.peers`: install the peers, hash-checked, into bench/.venv."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / ".venv"


def main() -> None:
    if not (TARGET / "bin" / "python").exists():
        venv.create(TARGET, with_pip=True)
    uv = Path(sys.executable).with_name("uv")
    lock, python = str(HERE / "requirements.lock"), str(TARGET / "bin" / "python")
    if uv.exists():
        command = [str(uv), "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock]
    else:
        command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", lock]
    if subprocess.run(command).returncode:
        raise SystemExit("The peers could not be installed. `make bench` goes on without them.")
    print(f"The peers are in {TARGET}. `make bench` measures beside them.")


if __name__ == "__main__":
    main()
