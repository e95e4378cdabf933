"""What every test may ask for: people, real processes, a browser. Pure tests ask for nothing and need no server.

The embedded PostgreSQL and Redis start when the first test wants a database and end with the last test session
that uses their folder (`COUNTERSIGN_VAR`, else `var/test`).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from typing import IO

import pytest
from django.conf import settings

from config import embedded, servers
from tests.fixtures.browsers import browser, new_context, page, page_of
from tests.fixtures.model_sites import model_site
from tests.fixtures.sites import site

__all__ = ["browser", "model_site", "new_context", "page", "page_of", "site"]

IN_USE: pytest.StashKey[IO[str]] = pytest.StashKey()
FOUND_RUNNING: pytest.StashKey[bool] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    # Tests serve static files from where they lie, but whitenoise warns when the folder is missing.
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    if hasattr(config, "workerinput"):
        return
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    in_use = (settings.VAR_DIR / "tests.lock").open("a")
    fcntl.flock(in_use, fcntl.LOCK_SH)
    config.stash[IN_USE] = in_use
    config.stash[FOUND_RUNNING] = servers.running(settings.VAR_DIR)


def pytest_unconfigure(config: pytest.Config) -> None:
    in_use = config.stash.get(IN_USE, None)
    if in_use is None:
        return
    try:
        fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # Another session still uses them, and will end them.
    if not config.stash[FOUND_RUNNING]:
        embedded.stop(settings.VAR_DIR)
    in_use.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs processes or a browser is marked so, and comes after all that flushes tables or runs the ORM."""

    def rank(item: pytest.Item) -> int:
        names = getattr(item, "fixturenames", ())
        if "browser" in names:
            item.add_marker(pytest.mark.browser)
        if "site" in names:
            item.add_marker(pytest.mark.processes)
        return ("site" in names) + ("browser" in names)

    items.sort(key=rank)
    for item in items:
        if _shares_with_its_module(item):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def _shares_with_its_module(item: pytest.Item) -> bool:
    """Whether it uses what is made once for its module, such as an installation of its own: two processes that share
    the module's tests would each make one."""
    known = getattr(item, "_fixtureinfo", None)
    return known is not None and any(
        found[-1].scope == "module" for found in known.name2fixturedefs.values() if found
    )


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Called by pytest-django before it creates the test database."""
    embedded.ensure(settings.VAR_DIR)


@pytest.fixture
def _roles(db: None) -> None:
    from config.roles import ensure_roles

    ensure_roles()


def _person(username: str, role: str):  # type: ignore[no-untyped-def]
    from django.contrib.auth.models import Group

    from config.models import User

    person, is_new = User.objects.get_or_create(username=username)
    if is_new:
        person.set_unusable_password()
        person.save()
        person.groups.add(Group.objects.get(name=role))
    return person


@pytest.fixture
def operator(_roles: None):  # type: ignore[no-untyped-def]
    return _person("operator", "operator")


@pytest.fixture
def admin(_roles: None):  # type: ignore[no-untyped-def]
    return _person("admin", "admin")


@pytest.fixture
def reviewer(_roles: None):  # type: ignore[no-untyped-def]
    return _person("reviewer", "reviewer")


@pytest.fixture
def reviewer2(_roles: None):  # type: ignore[no-untyped-def]
    return _person("reviewer2", "reviewer")


@pytest.fixture
def reviewer3(_roles: None):  # type: ignore[no-untyped-def]
    return _person("reviewer3", "reviewer")


@pytest.fixture(autouse=True, scope="session")
def _closed_at_the_end() -> Iterator[None]:
    """Pools that a test opened are closed while the interpreter is still whole."""
    yield
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        if hasattr(connection, "close_pool"):
            connection.close()
            connection.close_pool()
