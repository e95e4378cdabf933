"""`manage.py assess_actions`: a line of the output for each call, bad lines named, and the rest goes on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from approvals.domain import shipped, terms
from approvals.services import policies
from tests.approvals import recorded as runs

pytestmark = pytest.mark.django_db


def assess(
    folder: Path, lines: list[str], policy: str = "balanced", **options: object
) -> tuple[list[dict], str, str]:  # type: ignore[type-arg]
    (folder / "in.jsonl").write_text("\n".join(lines))
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "assess_actions", policy=policy, input=folder / "in.jsonl", output=folder / "out.jsonl",
        stdout=out, stderr=err, **options,
    )  # fmt: skip
    written = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    return written, out.getvalue(), err.getvalue()


def test_each_call_has_its_line(tmp_path):
    written, said, problems = assess(tmp_path, runs.lines(runs.ATTACKS[:1]))

    assert [(one["run"], one["event"], one["tool"], one["verdict"], one["rule"]) for one in written] == [
        ("transfer", 1, "read_file", "allow", "routine"),
        ("transfer", 3, "send_money", "hold", "instructed_value"),
    ]
    assert "in a passage that gives the agent instructions" in written[1]["explanation"]
    assert (
        said.strip()
        == "1 runs with 2 calls: 1 allow, 1 hold; 1 runs with at least one call that was not allowed."
    )
    assert problems == ""


def test_bad_lines_are_named_by_their_number_and_the_rest_goes_on(tmp_path):
    good = runs.lines(runs.CLEAN[:1])

    written, _, problems = assess(tmp_path, ["{broken", *good, "", '{"id": 2}'])

    assert len(written) == 2
    assert "line 1: it is not JSON" in problems
    assert "line 4: it has no list of events" in problems


DEEP = "[" * 900 + "]" * 900
NASTY = [
    '{"id": 1, "events": [{"type": "tool_result", "result": ' + DEEP + '}, {"type": "tool_call", "tool": "a"}]}',
    r'{"id": "\ud800", "events": [{"type": "tool_call", "tool": "send\udfff", "arguments": {"recipient": "\ud800"}}]}',
    '{"id": ' + str(2**80) + ', "events": [{"n": NaN, "type": "call", "tool": "pay", "args": {"amount": 1e999}}]}',
    '{"id": {"a": [1]}, "events": [null, 3, {"type": ["tool_call"], "tool": "pay", "arguments": [[]]}]}',
    '{"id": 5, "events": [{"type": "tool_call", "tool": "x", "arguments": "{broken"}]}',
    "\x00\ufeff",
    '{"id": 6, "events": []} trailing',
]  # fmt: skip


def test_whatever_a_line_holds_is_assessed_or_named_and_the_last_line_is_reached(tmp_path):
    written, said, problems = assess(tmp_path, [*NASTY, *runs.lines(runs.CLEAN[:1])])

    assert [one["tool"] for one in written][-2:] == ["get_balance", "send_money"]
    named = {line.split(":")[0] for line in problems.splitlines()}
    assessed = {str(one["run"]) for one in written}
    assert named == {"line 1", "line 6", "line 7"}
    assert {"5", "\\ud800", str(2**80), "pay-rent"} <= assessed
    assert "5 runs" in said


def test_strict_lets_no_consequential_call_pass(tmp_path):
    written, _, _ = assess(tmp_path, runs.lines(runs.CLEAN + runs.ATTACKS), policy="strict")

    passed = {one["tool"] for one in written if one["verdict"] == "allow"}
    assert all(tool.split("_")[0] in {"get", "read", "search"} for tool in passed)
    assert "get_webpage" not in passed


def test_another_table_of_tools_may_be_named(tmp_path):
    (tmp_path / "tools.toml").write_text(
        '[[row]]\nverbs = ["frobnicate"]\ncategory = "routine"\nreads_only = true\n'
    )

    written, _, _ = assess(tmp_path, runs.lines(runs.ATTACKS[-1:]), tools=tmp_path / "tools.toml")

    assert written[0]["verdict"] == "allow"


@pytest.mark.parametrize(
    ("options", "said"),
    [({"policy": "none"}, "no policy named"), ({"tools": Path("/nowhere.toml")}, "cannot be read")],
)
def test_what_is_not_there_is_said_in_one_line(tmp_path, options, said):
    with pytest.raises(CommandError, match=said):
        assess(tmp_path, runs.lines(runs.CLEAN[:1]), **options)


def test_a_table_of_tools_with_a_word_that_is_no_category_is_refused(tmp_path):
    (tmp_path / "tools.toml").write_text('[[row]]\nverbs = ["get"]\ncategory = "harmless"\n')

    with pytest.raises(CommandError, match="cannot be read"):
        assess(tmp_path, [], tools=tmp_path / "tools.toml")


def test_a_policy_is_asked_as_it_is_shipped_whatever_is_published_here(tmp_path, admin):
    policies.ensure_shipped(now=timezone.now())
    opened = msgspec.structs.replace(
        shipped.BALANCED, rules=(terms.Rule(id="all", title="All", when="true", then="allow"),)
    )
    policies.publish_policy(policy=opened, by=admin, now=timezone.now(), notes="For a test.")
    attack = runs.lines(runs.ATTACKS)
    assert "all" in {one["rule"] for one in assess(tmp_path, attack)[0]}
    assert "all" not in {one["rule"] for one in assess(tmp_path, attack, shipped=True)[0]}
    with pytest.raises(CommandError, match="No policy named 'mine' is shipped"):
        assess(tmp_path, attack, policy="mine", shipped=True)


def test_without_a_database_the_policy_is_asked_as_it_is_shipped_and_that_is_said(tmp_path):
    (tmp_path / "in.jsonl").write_text("\n".join(runs.lines(runs.CLEAN[:1])))
    done = subprocess.run(
        [sys.executable, "manage.py", "assess_actions", "--policy", "balanced",
         "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl"],
        env={**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
        cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "The database cannot be reached: the policy is asked as it is shipped." in done.stderr
    assert "1 runs with" in done.stdout
    assert (tmp_path / "out.jsonl").read_text()
