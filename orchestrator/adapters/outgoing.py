"""The one guard on calls to addresses that a person typed in: model servers, webhooks, other tools' servers.

Such an address must be public, unless the deployment lists it in `COUNTERSIGN_OUTGOING_ALLOW`. The guard looks
at what a name resolves to, and the transport connects to exactly the address that was looked at.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from orchestrator.domain import errors
from orchestrator.domain.schemas import clip

if TYPE_CHECKING:
    import httpx2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_RESPONSE_BYTES = 64 * 1024 * 1024

# An IPv4 address written inside an IPv6 one reaches the IPv4 one.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressNotAllowed(errors.Refused):
    """This address is not public. Ask whoever runs this installation to list it in OUTGOING_ALLOW."""


class ResponseTooLarge(errors.Refused):
    """The other side sent more than is ever read. The connection was closed."""


def check_url(url: str) -> list[Address]:
    """The addresses that a URL may be called at.

    Raises AddressNotAllowed when it is no http(s) URL, or when any of its addresses is neither public nor
    allowed, and PortFailure (transient) when its name does not resolve.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    except (KeyError, ValueError):
        raise AddressNotAllowed("This is not an address that starts with http:// or https://.") from None
    if not parts.hostname:
        raise AddressNotAllowed("This address names no server.")
    if parts.username or parts.password:
        raise AddressNotAllowed(
            "An address must not carry a name or password. Set the key as a secret instead."
        )
    return check_host(parts.hostname, port)


def check_host(host: str, port: int) -> list[Address]:
    """Resolve a server's name and make sure that every address behind it may be called."""
    addresses = _resolve(host, port)
    for address in addresses:
        if not _is_public(address) and not is_allowed(host, port, address):
            shown = clip(host, 100)
            raise AddressNotAllowed(
                f"{shown} is at {address}, which is not a public address. Ask whoever runs this installation to "
                f"add {shown}:{port} to OUTGOING_ALLOW if it may be called."
            )
    return addresses


def is_allowed(host: str, port: int, address: Address) -> bool:
    """Whether the deployment lists this server: by name, by name and port, by address or by network."""
    for entry in settings.COUNTERSIGN_OUTGOING_ALLOW:
        if entry.lower() in {host.lower(), f"{host.lower()}:{port}", str(address), f"{address}:{port}"}:
            return True
        try:
            network = ipaddress.ip_network(entry)
        except ValueError:
            continue
        if address.version == network.version and address in network:
            return True
    return False


def transport() -> httpx2.AsyncBaseTransport:
    """A transport that connects only to checked addresses, follows no proxy and reads a bounded response."""
    import httpx2

    class Guarded(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            import anyio.to_thread

            url = request.url
            port = url.port or (443 if url.scheme == "https" else 80)
            # A name server that hangs ends with the caller's time, not with its own.
            addresses = await anyio.to_thread.run_sync(check_host, url.host, port, abandon_on_cancel=True)
            return await self._first_that_connects(request, url, addresses)

        async def _first_that_connects(
            self, request: httpx2.Request, url: httpx2.URL, addresses: Sequence[Address]
        ) -> httpx2.Response:
            # The name stays in the Host header, and in TLS for the certificate.
            extensions = {**request.extensions, "sni_hostname": url.host}
            for address in addresses[:-1]:
                try:
                    return await self._at(request, url, address, extensions)
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    continue
            return await self._at(request, url, addresses[-1], extensions)

        async def _at(
            self, request: httpx2.Request, url: httpx2.URL, address: Address, extensions: dict[str, Any]
        ) -> httpx2.Response:
            request.url = url.copy_with(host=str(address))
            request.extensions = extensions
            try:
                response = await super().handle_async_request(request)
            finally:
                request.url = url
            response.stream = _bounded(response.stream)
            return response

    return Guarded(trust_env=False)


def _bounded(stream: Any) -> Any:
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> Any:
            read = 0
            async for piece in stream:
                read += len(piece)
                if read > MAX_RESPONSE_BYTES:
                    raise ResponseTooLarge()
                yield piece

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()


def _resolve(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise errors.PortFailure(f"The server {clip(host, 100)} was not found. Check its address.") from None
    # A scope ("fe80::1%eth0") says which interface, not which address.
    return list(_unique(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


def _unique(addresses: Iterable[Address]) -> Iterable[Address]:
    return dict.fromkeys(addresses)


def _is_public(address: Address) -> bool:
    inner = _inside(address)
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def _inside(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and address in _NAT64:
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return embedded or address
