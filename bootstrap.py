"""Gets from a fresh clone to a running command: virtual environment, locked packages, then `manage.py`.

Needs nothing but Python and its standard library, and must be readable by an old one, so that it can say which it
needs. `make` calls it; `python3 bootstrap.py run` does the same without make.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.environ.get("COUNTERSIGN_VENV") or os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
OLDEST = (3, 11)
USAGE = (
    "usage: bootstrap.py install [run|dev] | run | stop | test ... | manage COMMAND ... | exec ARGUMENTS ..."
)


def main(arguments):
    if not arguments or arguments[0] not in ("install", "run", "stop", "test", "manage", "exec"):
        sys.exit(USAGE)
    command, rest = arguments[0], arguments[1:]
    use_a_new_enough_python()
    refuse_what_has_no_packages()
    if command == "install":
        install(rest[0] if rest else "run")
    elif command == "run":
        install("run")
        become("manage.py", "up", *rest)
    elif command == "stop":
        if not os.path.exists(PYTHON):
            sys.exit("Nothing was running: Countersign was never installed here.")
        become("manage.py", "stop")
    elif command == "manage":
        install("run")
        become("-m", "config.attached", *rest)
    elif command == "test":
        install("dev")
        become("-m", "tests.run", *rest)
    elif command == "exec":
        install("dev")
        become(*rest)


def become(*arguments):
    """Go on as the environment's Python, so that signals and exit codes are its own."""
    os.chdir(ROOT)
    arguments = [os.path.join(ROOT, part) if part == "manage.py" else part for part in arguments]
    sys.stdout.flush()
    os.execv(PYTHON, [PYTHON, *arguments])


def use_a_new_enough_python():
    if sys.version_info >= OLDEST:
        return
    for minor in range(14, OLDEST[1] - 1, -1):
        found = shutil.which("python3.%d" % minor)
        if found:
            os.execv(found, [found, *sys.argv])
    sys.exit(
        "Countersign needs Python %d.%d or newer; this is %s. Install one (for example `apt-get install python3.11 "
        "python3.11-venv`) and run `make PYTHON=python3.11 run`." % (OLDEST + (platform.python_version(),))
    )


def refuse_what_has_no_packages():
    if sys.platform not in ("linux", "darwin"):
        sys.exit("Countersign runs on Linux and macOS. On Windows, run it inside WSL.")
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        sys.exit(
            "Countersign's PostgreSQL and Redis need a Linux with glibc 2.28 or newer (Debian, Ubuntu, Fedora ...), "
            "not musl. Use such a container, or install the packages yourself and set DATABASE_URL and REDIS_URL."
        )


def install(which):
    """Make the virtual environment hold exactly what the lock names. A stamp makes the next call a matter of no time.

    The development lock holds everything of the other: an environment for tests serves `run` too.
    """
    with open(os.path.join(ROOT, "bootstrap.lock"), "rb") as alone:
        wait_for_another(alone)
        install_alone(which)


def wait_for_another(alone):
    """Two that make one environment at once would wipe each other's. The kernel frees the lock of who was killed."""
    import fcntl

    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say("Another command is installing the packages here; waiting for it ...")
        fcntl.flock(alone, fcntl.LOCK_EX)


def install_alone(which):
    wanted = {name: digest_of(name) for name in LOCKS}
    stamps = {name: read(stamp_of(name)) for name in LOCKS}
    if os.path.exists(PYTHON) and stamps[which] == wanted[which]:
        return
    if which == "run" and stamps["dev"]:
        which = "dev"
    make_environment()
    lock = os.path.join(ROOT, LOCKS[which])
    say("Installing the packages of %s (the first time takes a minute) ..." % LOCKS[which])
    uv = os.path.join(VENV, "bin", "uv")
    bootstrap_lock = os.path.join(ROOT, "bootstrap.lock")
    quiet_pip = [PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--require-hashes"]
    if not os.path.exists(uv):
        done = subprocess.call([*quiet_pip, "-r", bootstrap_lock], cwd=ROOT) == 0
        if not done:
            say("uv could not be installed; going on with pip, which takes longer.")
    if not (os.path.exists(uv) and sync_with_uv(uv, lock)) and subprocess.call(
        [*quiet_pip, "--no-deps", "-r", lock], cwd=ROOT
    ):
        sys.exit(
            "The packages could not be installed; pip says why above. Nothing else was changed. Check that this "
            "machine reaches a package index (PIP_INDEX_URL names another one) and run the same command again."
        )
    for name in ("run", "dev") if which == "dev" else ("run",):
        with open(stamp_of(name), "w") as stamp:
            stamp.write(wanted[name])


def sync_with_uv(uv, lock):
    environment = dict(os.environ)
    # pip's settings name the index of this place; uv reads only its own.
    index = environment.get("PIP_INDEX_URL") or pip_setting("global.index-url")
    if index and "UV_INDEX_URL" not in environment and "UV_DEFAULT_INDEX" not in environment:
        environment["UV_DEFAULT_INDEX"] = index
    command = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", PYTHON, lock]
    return subprocess.call(command, cwd=ROOT, env=environment) == 0


def pip_setting(name):
    found = subprocess.run(
        [PYTHON, "-m", "pip", "config", "get", name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return found.stdout.strip() if found.returncode == 0 else ""


def make_environment():
    if (
        os.path.exists(PYTHON)
        and subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0
    ):
        return
    try:
        import ensurepip
        import venv
    except ImportError:
        sys.exit(
            "This Python cannot make virtual environments. Install the missing part (on Debian and Ubuntu: "
            "`apt-get install python%d.%d-venv`) and run the same command again." % sys.version_info[:2]
        )
    assert ensurepip
    say("Making the virtual environment %s ..." % VENV)
    try:
        venv.EnvBuilder(with_pip=True, clear=os.path.exists(VENV)).create(VENV)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit("The virtual environment %s could not be made: %s" % (VENV, error))


def digest_of(name):
    digest = hashlib.sha256(("%d.%d" % sys.version_info[:2]).encode())
    for lock in sorted({LOCKS[name], LOCKS["run"], "bootstrap.lock"}):
        with open(os.path.join(ROOT, lock), "rb") as content:
            digest.update(content.read())
    return digest.hexdigest()


def stamp_of(name):
    return os.path.join(VENV, "countersign-%s.stamp" % name)


def read(path):
    try:
        with open(path) as content:
            return content.read()
    except OSError:
        return ""


def say(words):
    print(words, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
