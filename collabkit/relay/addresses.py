"""Where a request came from: behind proxies, and as one among many.

Anybody can write ``X-Forwarded-For``. So it is read from the right, where the proxy nearest to the
relay added whom it had at its other end, and only as far as proxies that the relay was told to
trust vouch for it:

1. If the peer is no trusted proxy, it is the client, whatever the headers say.
2. Otherwise the client is the rightmost hop that is no trusted proxy itself. If all are, it is the
   leftmost. A hop that is no address (``unknown``, ``_hidden``) ends the search before it.
3. ``Forwarded`` (RFC 7239) counts where there is one, else ``X-Forwarded-For``. A proxy that writes
   one and passes the other on unread lets its clients choose, so a relay behind a proxy that is
   trusted must be given what that proxy writes itself.
4. The same proxies say whether the client spoke TLS (``proto``, ``X-Forwarded-Proto``); of several
   words the last one is that of the nearest proxy.

Connections are counted by address. One network of IPv6 is one customer (RFC 6177: a site gets a
/64 or more), so it counts as one address. What comes from the relay's own machine is not counted:
it may be a proxy that the relay was not told of, and all its clients would be one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from .http import Request

__all__ = ["Network", "counted_as", "networks", "seen_through"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# What one customer has of IPv6.
PREFIX_BITS = 64
# More hops than this are somebody's invention.
MAX_HOPS = 32
_FORWARDED_PAIR = re.compile(r'\s*([!#$%&\'*+\-.^_`|~0-9A-Za-z]+)=(?:"([^"]*)"|([^\s";,]*))\s*')


def networks(said: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and networks, such as ``10.0.0.0/8``.

    Raises:
        ValueError: One of them is neither.

    >>> networks(["127.0.0.1", "10.0.0.0/8"])[0]
    IPv4Network('127.0.0.1/32')
    """
    return tuple(ipaddress.ip_network(each.strip()) for each in said)


def seen_through(request: Request, proxies: Sequence[Network]) -> Request:
    """The request as the client made it: its address, and whether it came by TLS.

    >>> request = Request.of("GET", b"/", (("x-forwarded-for", "198.51.100.9"),), peer="10.0.0.1")
    >>> seen_through(request, networks(["10.0.0.0/8"])).peer
    '198.51.100.9'
    >>> seen_through(request, ()).peer
    '10.0.0.1'
    """
    if not proxies or not _within(_address(request.peer), proxies):
        return request
    hops, schemes = _told(request)
    peer = request.peer
    for hop in reversed(hops[-MAX_HOPS:]):
        address = _address(hop)
        if address is None:
            break
        peer = str(address)
        if not _within(address, proxies):
            break
    secure = schemes[-1] in ("https", "wss") if schemes else request.secure
    return msgspec.structs.replace(request, peer=peer, secure=secure)


def counted_as(peer: str) -> str | None:
    """The name under which connections of an address are counted; None if they are not.

    >>> counted_as("192.0.2.7"), counted_as("2001:db8::1"), counted_as("127.0.0.1")
    ('192.0.2.7', '2001:db8::/64', None)
    """
    address = _address(peer)
    if address is None or address.is_loopback:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, PREFIX_BITS), strict=False))
    return str(address)


def _told(request: Request) -> tuple[list[str], list[str]]:
    """Addresses and schemes as proxies wrote them, those of the nearest last."""
    forwarded = request.header("forwarded")
    if forwarded is None:
        return (
            _words(request.header("x-forwarded-for")),
            _words(request.header("x-forwarded-proto")),
        )
    hops, schemes = [], []
    for element in forwarded.split(","):
        pairs = {name.lower(): a or b for name, a, b in _FORWARDED_PAIR.findall(element)}
        hops.append(pairs.get("for", ""))
        if "proto" in pairs:
            schemes.append(pairs["proto"].lower())
    return hops, schemes


def _words(header: str | None) -> list[str]:
    return [] if header is None else [word.strip().lower() for word in header.split(",")]


def _address(said: str) -> Address | None:
    """An address as headers and sockets spell it: with a port, in brackets, with a zone."""
    bare = said.partition("]")[0].removeprefix("[") if said.startswith("[") else said
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    # Sockets that take both families name IPv4 peers as IPv6 addresses (RFC 4291 §2.5.5.2).
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: Address | None, proxies: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in proxies)
