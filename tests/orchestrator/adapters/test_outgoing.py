"""The guard on addresses that a person typed in."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from orchestrator.adapters import outgoing
from orchestrator.domain import errors


@pytest.fixture
def resolves(monkeypatch):
    def to(*addresses: str) -> None:
        def answer(host, port, **_):
            return [(0, 0, 0, "", (address, port)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", answer)

    return to


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(resolves, settings, address):
    settings.COUNTERSIGN_OUTGOING_ALLOW = []
    resolves(address)
    with pytest.raises(outgoing.AddressNotAllowed, match=r"models\.example:8080 to OUTGOING_ALLOW"):
        outgoing.check_url("http://models.example:8080/v1")


def test_a_public_address_is_returned_to_be_called(resolves, settings):
    settings.COUNTERSIGN_OUTGOING_ALLOW = []
    resolves("93.184.216.34", "2606:2800:220:1::1")
    assert [str(one) for one in outgoing.check_url("https://models.example")] == [
        "93.184.216.34",
        "2606:2800:220:1::1",
    ]


def test_one_private_address_among_public_ones_is_enough_to_refuse(resolves, settings):
    settings.COUNTERSIGN_OUTGOING_ALLOW = []
    resolves("93.184.216.34", "10.0.0.1")
    with pytest.raises(outgoing.AddressNotAllowed):
        outgoing.check_url("https://models.example")


@pytest.mark.parametrize(
    ("entry", "passes"),
    [
        ("gpu.lan", True),
        ("GPU.lan:8000", True),
        ("gpu.lan:9000", False),
        ("10.0.0.7", True),
        ("10.0.0.7:8000", True),
        ("10.0.0.0/24", True),
        ("10.0.1.0/24", False),
        ("lan", False),
        ("fd00::/8", False),
    ],
)
def test_the_deployment_lists_what_may_be_called_all_the_same(resolves, settings, entry, passes):
    settings.COUNTERSIGN_OUTGOING_ALLOW = [entry]
    resolves("10.0.0.7")
    if passes:
        assert outgoing.check_url("http://gpu.lan:8000/v1") == [ipaddress.ip_address("10.0.0.7")]
    else:
        with pytest.raises(outgoing.AddressNotAllowed):
            outgoing.check_url("http://gpu.lan:8000/v1")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://x",
        "models.example",
        "http://",
        "http://u:p@x.example",
        "http://x:99999",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url):
    with pytest.raises(outgoing.AddressNotAllowed):
        outgoing.check_url(url)


def test_a_name_that_does_not_resolve_may_resolve_later():
    with pytest.raises(errors.PortFailure, match="not found") as raised:
        outgoing.check_url("http://nowhere.invalid/v1")
    assert raised.value.retry == "transient"


def test_the_connection_goes_to_the_address_that_was_looked_at(server, turns, monkeypatch, settings):
    """The name changes its address after it was looked at: the first answer is the one that is called."""
    from orchestrator.adapters.model_agent import ModelAgentRunner
    from tests.fakes.chat_completions import final

    settings.COUNTERSIGN_OUTGOING_ALLOW = ["models.example"]
    real = socket.getaddrinfo
    looked_up = []

    def answer(host, port, *more, **named):
        if host == "models.example":
            looked_up.append(host)
            return real("127.0.0.1", port, *more, **named)
        return real(host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    server.say(final({"total": "1"}))
    port = server.host.rpartition(":")[2]
    reply = ModelAgentRunner().invoke(turns.model(f"http://models.example:{port}/v1"))
    assert reply.output == {"total": "1"}
    assert server.asked[0].headers["host"] == f"models.example:{port}"
    assert len(looked_up) == 2, (
        "once before the call, once by the transport, and never by the connection itself"
    )


def test_a_response_without_end_is_cut(server, turns, monkeypatch):
    from orchestrator.adapters.model_agent import ModelAgentRunner
    from tests.fakes.chat_completions import junk

    monkeypatch.setattr(outgoing, "MAX_RESPONSE_BYTES", 10_000)
    server.say(junk(b": keep waiting\n\n" * 5000, "text/event-stream"))
    with pytest.raises(errors.PortFailure, match="more than is ever read"):
        ModelAgentRunner().invoke(turns.model(server))
