"""A search walks an index from its cursor, so it costs the same however much was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from monitoring.queries import audit_search
from monitoring.queries.audit_search import Place, Wanted

SEARCHES = {
    "all": (Wanted(), "audit_all"),
    "person": (Wanted(person="p7"), "audit_person"),
    "common person": (Wanted(person="q3"), "audit_person"),
    "person and type": (Wanted(person="q3", what="turn.completed"), "audit_person"),
    "agent": (Wanted(agent="a7"), "audit_agent"),
    "tool": (Wanted(tool="t7"), "audit_tool"),
    "type": (Wanted(what="rare.type"), "audit_type"),
    "subject": (Wanted(what="rare"), "audit_subject"),
}


@pytest.fixture(scope="module")
def many(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """30,000 entries, written in the database and taken away again."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO monitoring_auditentry (stream, seq, at, kind, subject, type, agent, tool, words) "
            "SELECT md5((n/50)::text)::uuid, n, '2026-01-01'::timestamptz + n*interval '1 second', 'run', "
            "CASE WHEN n%997=0 THEN 'rare' ELSE 'turn' END, CASE WHEN n%997=0 THEN 'rare.type' ELSE 'turn.completed' END, "
            "'a'||n%40, 't'||n%40, array_to_tsvector(ARRAY['common', 'needle'||n%3000]) "
            "FROM generate_series(1, 30000) n"
        )
        cursor.execute(
            "INSERT INTO monitoring_auditperson (stream, seq, person, at) SELECT md5((n/50)::text)::uuid, n, p, "
            "'2026-01-01'::timestamptz + n*interval '1 second' "
            "FROM generate_series(1, 30000) n, LATERAL (VALUES ('p'||n%40), ('q'||n%7)) AS who(p)"
        )
        cursor.execute("SELECT gin_clean_pending_list('audit_words')")
        cursor.execute("ANALYZE monitoring_auditentry, monitoring_auditperson")
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE monitoring_auditentry, monitoring_auditperson")


@pytest.mark.django_db
@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_walks_an_index_whatever_page_it_is(many: None, name: str) -> None:
    wanted, index = SEARCHES[name]
    with connection.cursor() as cursor:
        cursor.execute("SELECT at, stream, seq FROM monitoring_auditentry ORDER BY at LIMIT 1 OFFSET 15000")
        at, stream, seq = cursor.fetchone()
        for before in (None, Place(at, str(stream), seq)):
            plan = _plan(wanted, before=before)
            assert index in plan, plan
            assert "Seq Scan" not in plan, plan
            assert "Sort" not in plan, plan


@pytest.mark.django_db
def test_rare_words_are_looked_up_and_common_ones_are_walked(many: None) -> None:
    rare, common = Wanted(words="needle17"), Wanted(words="common")
    assert audit_search.is_rare(rare)
    assert not audit_search.is_rare(common)
    plan = _plan(rare, rare=True)
    assert "audit_words" in plan, plan
    assert "Seq Scan" not in plan, plan
    assert "audit_all" in _plan(common)


@pytest.mark.django_db
def test_rare_and_common_words_are_found_alike(many: None) -> None:
    wanted = Wanted(words="common needle29", person="p29")
    answers = []
    with connection.cursor() as cursor:
        for rare in (True, False):
            text, values = audit_search.statement(wanted, rare=rare, limit=51)
            cursor.execute(text, values)
            answers.append(cursor.fetchall())
    assert answers[0] == answers[1] != []


def _plan(wanted: Wanted, **options: Any) -> str:
    text, values = audit_search.statement(wanted, limit=51, **options)
    assert "OFFSET" not in text
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {text}", values)
        return "\n".join(line for (line,) in cursor.fetchall())
