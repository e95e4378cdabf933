"""The whole of it as real processes: it serves, lets people in by their link, and heals what is killed."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_says_once_where_it_is_and_gives_a_link_to_each_person(site):
    said = site.output.read_text()
    assert said.count("Countersign is ready at") == 1
    assert f"Countersign is ready at {site.url}\n" in said
    assert re.findall(r"^  (\w+) +http://127.0.0.1:\d+/sign-in/[\w-]{40,}/$", said, re.M) == [
        "operator",
        "admin",
        "reviewer",
        "reviewer2",
        "reviewer3",
    ]


def test_the_health_check_answers_without_signing_in(site):
    assert get(f"{site.url}healthz") == (200, '{"ok": true, "missing": []}')


@pytest.mark.parametrize("name", ["web", "worker-runs", "ticker"])
def test_a_killed_process_is_started_again(site, name):
    site.kill(name)
    site.wait_for(lambda: get(f"{site.url}healthz")[0] == 200)
    assert f"{name} ended (SIGKILL); starting it again." in site.output.read_text()


def test_a_second_one_is_told_where_the_first_is(site):
    import os
    import subprocess
    import sys

    from django.conf import settings

    environment = {**os.environ, "COUNTERSIGN_VAR": str(site.var)}
    second = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "up"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert f"already running at {site.url} (process {site.process.pid})" in second.stderr


def test_a_link_lets_a_person_in_once_and_only_by_the_button(site, page):
    # The last start's links; the first of these tests has seen that they are there.
    link = re.search(r"reviewer3 +(\S+)", site.output.read_text()).group(1)
    page.goto(link)
    page.reload()
    assert [cookie["name"] for cookie in page.context.cookies()] == ["csrftoken"]
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(site.url)
    assert "sessionid" in [cookie["name"] for cookie in page.context.cookies()]
    answer = page.goto(link)
    assert answer.status == 410
