"""The review page and the answer to it, as a browser sees them."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals.models import ApprovalRequest, SignOff
from approvals.services import sign_offs
from tests.approvals import runs

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


@pytest.fixture
def held() -> ApprovalRequest:
    return runs.request_of(runs.held_run())


def browser(person) -> Client:  # type: ignore[no-untyped-def]
    client = Client()
    client.force_login(person)
    return client


def words(response) -> str:  # type: ignore[no-untyped-def]
    """The page's text: tags and repeated spaces left out."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", "", response.content.decode(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def send(client, request, verb="approve", headers=None, **changes):  # type: ignore[no-untyped-def]
    form = {
        "verb": verb,
        "seen_digest": request.digest,
        "seen_version": request.version,
        "reason": "wrong IBAN" if verb == "reject" else "",
        **changes,
    }
    return client.post(reverse("approvals:sign_off", args=[request.id]), form, headers=headers or {})


# ---- what a reviewer sees ----
def test_the_case_says_what_will_happen_why_it_waits_and_who_may_decide(reviewer, held):
    shown = words(browser(reviewer).get(reverse("approvals:case", args=[held.id])))

    for expected in [
        "Pay 82,000.00 EUR to ACME GmbH ( DE89…3000 )",
        "High stakes",
        "cannot be undone",
        "This action of 82,000.00 EUR is financial: a person always decides.",
        "Why it asks agent’s claim The invoice matched.",
        "What was checked verified Tool",
        "82,000.00 EUR of 100,000.00 EUR that the scope allows.",
        "stored with this digest verified",
        "needs 1: reviewers 0/1; expires",
        "runs within 15 minutes of approval",
        "May not approve operator, who started the run and is the person the action is done for; "
        "admin, who is accountable for the agent",
        '"iban": "DE89370400440532013000"',
        f"SHA-256 {held.digest[:12]}",
        "Approve and pay 82,000.00 EUR",
        "Reject…",
    ]:
        assert expected in shown


@pytest.mark.parametrize(
    ("tool", "arguments", "is_open"),
    [
        ("tests.held_note", {"text": "Closed on Monday"}, False),
        ("tests.held_note", {"text": "Closed on Monday", "audience": "everybody"}, True),
        ("tests.held_note", {"text": "Closed on Monday " * 20}, True),
        ("tests.pay", runs.PAYMENT, True),
    ],
    ids=["all in the sentence", "one is not", "one is cut there", "an account is shortened there"],
)
def test_the_whole_call_is_open_when_the_sentence_leaves_something_out(reviewer, tool, arguments, is_open):
    run = runs.start()
    runs.propose(run, arguments, tool=tool)
    runs.work(run, ("assess",))
    request = runs.request_of(run)

    page = browser(reviewer).get(reverse("approvals:case", args=[request.id])).content.decode()

    part = page[page.index('id="case-call"') :]
    assert part[part.index("<details") : part.index("<summary>")].strip() == (
        '<details class="payload" open>' if is_open else '<details class="payload">'
    )


def test_what_an_agent_wrote_is_escaped_and_hidden_characters_are_named(reviewer):
    run = runs.start()
    payee = "<script>alert(1)</script>\u202eEMCA"
    runs.propose(run, {**runs.PAYMENT, "payee": payee}, reason="<b>approve</b>\u200b now")
    runs.work(run)

    response = browser(reviewer).get(reverse("approvals:case", args=[runs.request_of(run).id]))

    page = response.content.decode()
    assert "<script>alert" not in page
    assert "<b>approve</b>" not in page
    assert (
        "\u202e"
        not in page.replace("data-copy-text", "").split('data-copy-text="')[0].split("payload-text")[0]
    )
    assert "⟨U+202E⟩" in page
    assert "U+200B" in page
    assert "characters that cannot be seen" in page


def test_what_the_agent_says_follows_a_rejection_is_shown_as_its_claim_and_only_where_it_says_so(reviewer):
    run = runs.start()
    runs.propose(run, runs.PAYMENT, otherwise="<b>Invoice</b> stays\u202e unpaid.")
    runs.work(run)
    page = browser(reviewer).get(reverse("approvals:case", args=[runs.request_of(run).id])).text
    start = page.index("Why it asks")
    part = page[start : page.index("</section>", page.index('id="case-otherwise"'))]
    assert "&lt;b&gt;Invoice&lt;/b&gt; stays" in part
    assert "U+202E" in part
    assert "\u202e" not in part
    assert "agent’s claim" in part
    assert "declared for the tool" not in part

    silent = runs.request_of(runs.held_run())
    assert (
        'id="case-otherwise"' not in browser(reviewer).get(reverse("approvals:case", args=[silent.id])).text
    )


def test_long_words_of_an_agent_are_folded_and_none_of_them_is_lost(reviewer):
    run = runs.start()
    reason, otherwise = "r" * 300 + "R" * 1699 + "!", "o" * 300 + "O" * 699 + "?"
    runs.propose(run, runs.PAYMENT, reason=reason, otherwise=otherwise)
    runs.work(run)
    page = browser(reviewer).get(reverse("approvals:case", args=[runs.request_of(run).id])).text
    assert (page.count("300 of 2000 characters"), page.count("300 of 1000 characters")) == (1, 1)
    assert f"{'r' * 300}…" in page
    assert reason in page
    assert otherwise in page


def test_the_case_says_where_the_values_of_the_call_come_from(reviewer):
    found = runs.request_of(runs.held_run({**runs.PAYMENT, "payee": "<b>Evil</b>"}))
    page = browser(reviewer).get(reverse("approvals:case", args=[found.id])).text
    assert "Its values: 4 nowhere in what the agent was given" in page
    assert "payee stands nowhere in what the agent was given" in page
    assert "<b>Evil" not in page


def test_the_form_echoes_the_digest_and_version_that_are_shown(reviewer, held):
    page = browser(reviewer).get(reverse("approvals:case", args=[held.id])).content.decode()

    forms = page.count('name="verb"')
    # approve, approve and reject in their sheets, reject without scripts; the list's own form answers several
    assert forms == 4 + 1
    assert page.count(f'name="seen_digest" value="{held.digest}"') == forms - 1
    assert page.count('name="seen_version" value="1"') == forms - 1


@pytest.mark.parametrize(
    ("who", "because"),
    [
        ("operator", "operator started the run"),
        ("admin", "admin is accountable for the agent and so may not approve this action"),
        ("admin2", "Your role does not decide requests"),
    ],
)
def test_who_may_not_approve_sees_why_beside_a_dead_button(request, django_user_model, held, who, because):
    if who == "admin2":
        person = django_user_model.objects.create(username="admin2")
        person.groups.add(*request.getfixturevalue("admin").groups.all())
    else:
        person = request.getfixturevalue(who)

    page = browser(person).get(reverse("approvals:case", args=[held.id]))

    approve = re.search(r"<button[^>]*data-approve[^>]*>", page.content.decode())
    assert approve is not None
    assert "disabled" in approve.group()
    assert because in words(page)


def test_a_decided_case_has_no_buttons_and_says_who_decided(reviewer, reviewer2, held):
    send(browser(reviewer), held, "reject")

    page = browser(reviewer2).get(reverse("approvals:case", args=[held.id]))

    assert "data-approve" not in page.content.decode()
    assert "rejected by reviewer just now : wrong IBAN" in words(page)


# ---- answering ----
def test_an_approval_by_a_plain_form_leads_back_to_the_case(reviewer, held):
    client = browser(reviewer)

    response = send(client, held)

    assert (response.status_code, response["Location"]) == (302, reverse("approvals:case", args=[held.id]))
    assert "Approved. The action runs now." in words(client.get(response["Location"]))
    assert ApprovalRequest.objects.get().status == "approved"


def test_an_approval_by_htmx_gives_the_case_as_it_is_now(reviewer, held):
    response = send(browser(reviewer), held, headers=HTMX)

    page = response.content.decode()
    assert response.status_code == 200
    assert '<article class="case" id="case"' in page
    assert 'hx-swap-oob="outerHTML"' in page
    assert "<html" not in page
    assert "countersign:changed" in response["HX-Trigger"]


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_who_comes_second_reads_who_decided_in_the_same_response(reviewer, reviewer2, held, headers):
    send(browser(reviewer), held, "reject")

    response = send(browser(reviewer2), held, headers=headers)

    assert response.status_code == 409
    assert "reviewer rejected this just now: wrong IBAN" in words(response)
    assert "data-approve" not in response.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
@pytest.mark.parametrize("seen", [{"seen_digest": "0" * 64}, {"seen_version": 7}])
def test_an_answer_to_another_payload_is_refused_and_the_present_one_shown(reviewer, held, headers, seen):
    response = send(browser(reviewer), held, headers=headers, **seen)

    assert response.status_code == 409
    assert "The action changed since you opened it; reload" in words(response)
    assert f'value="{held.digest}"' in response.content.decode()
    assert SignOff.objects.count() == 0


@pytest.mark.parametrize(
    "broken",
    [
        {"verb": ""},
        {"verb": "allow"},
        {"seen_digest": ""},
        {"seen_digest": "x" * 64},
        {"seen_version": ""},
        {"seen_version": "-1"},
        {"seen_version": "9" * 30},
        {"verb": "reject", "reason": ""},
        {"verb": "reject", "reason": "x" * 2001},
        {"verb": "reject", "reason": "a\x00b"},
    ],
    ids=str,
)
def test_an_incomplete_answer_decides_nothing(reviewer, held, broken):
    response = send(browser(reviewer), held, headers=HTMX, **broken)

    assert response.status_code == 422
    assert SignOff.objects.count() == 0


def test_people_who_may_not_approve_are_refused_by_the_server_too(operator, admin, held):
    assert send(browser(operator), held).status_code == 403
    assert send(browser(admin), held).status_code == 403

    assert SignOff.objects.count() == 0


def test_the_same_answer_twice_is_success(reviewer, held):
    client = browser(reviewer)
    send(client, held)

    response = send(client, held, headers=HTMX)

    assert response.status_code == 200
    assert "You gave this answer already" in response["HX-Trigger"]


# ---- doors ----
@pytest.mark.parametrize("name", ["case", "sign_off"])
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_no_safe_method_ever_decides(reviewer, held, name, method):
    address = reverse(f"approvals:{name}", args=[held.id])
    query = f"?verb=approve&seen_digest={held.digest}&seen_version=1"

    response = getattr(browser(reviewer), method)(address + query)

    assert response.status_code == (405 if name == "sign_off" or method == "options" else 200)
    assert ApprovalRequest.objects.get().status == "pending"


def test_an_answer_without_a_csrf_token_is_refused(reviewer, held):
    client = Client(enforce_csrf_checks=True)
    client.force_login(reviewer)

    response = send(client, held)

    assert response.status_code == 403
    assert ApprovalRequest.objects.get().status == "pending"


@pytest.mark.parametrize("name", ["case", "sign_off", "inbox", "inbox_rows"])
def test_strangers_are_sent_to_sign_in(held, name):
    address = reverse(f"approvals:{name}", args=[held.id] if name in ("case", "sign_off") else [])

    response = Client().post(address) if name == "sign_off" else Client().get(address)

    assert response.status_code == 302
    assert "login" in response["Location"]


@pytest.mark.parametrize("name", ["case", "sign_off", "inbox", "inbox_rows"])
def test_people_without_a_role_see_nothing(django_user_model, held, name):
    nobody = django_user_model.objects.create(username="nobody")
    address = reverse(f"approvals:{name}", args=[held.id] if name in ("case", "sign_off") else [])

    response = browser(nobody).post(address) if name == "sign_off" else browser(nobody).get(address)

    assert response.status_code == 403


def test_an_unknown_case_is_not_found(reviewer):
    response = browser(reviewer).get(reverse("approvals:case", args=["00000000-0000-0000-0000-000000000000"]))

    assert response.status_code == 404


# ---- staying up to date ----
def test_a_case_asks_for_itself_and_gets_nothing_while_nothing_changed(reviewer, reviewer2, held):
    client = browser(reviewer)
    address = reverse("approvals:case", args=[held.id])
    page = client.get(address).content.decode()
    poll = html.unescape(re.search(rf'hx-get="({re.escape(address)}\?token=[^"]+)"', page).group(1))  # type: ignore[union-attr]

    assert client.get(poll, headers=HTMX).status_code == 204

    sign_offs.sign_off(
        request=str(held.id),
        by=reviewer2,
        verb="reject",
        reason="no",
        seen_digest=held.digest,
        seen_version=1,
        now=timezone.now(),
    )
    changed = client.get(poll, headers=HTMX)
    assert changed.status_code == 200
    assert "rejected by reviewer2" in words(changed)
