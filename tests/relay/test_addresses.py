"""Where requests came from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.relay.addresses import counted_as, networks, seen_through
from collabkit.relay.http import Request

PROXIES = networks(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])


def came(peer: str, **headers: str) -> Request:
    """A request from a peer, as it is seen."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return seen_through(Request.of("GET", b"/", named, peer=peer), PROXIES)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "seen"),
    [
        ("192.0.2.7", "198.51.100.9", "192.0.2.7"),
        ("", "198.51.100.9", ""),
        ("10.1.2.3", "198.51.100.9", "198.51.100.9"),
        ("::ffff:10.1.2.3", "198.51.100.9", "198.51.100.9"),
        ("10.1.2.3", "203.0.113.1, 198.51.100.9", "198.51.100.9"),
        ("10.1.2.3", "127.0.0.1, 198.51.100.9, 10.9.9.9", "198.51.100.9"),
        ("10.1.2.3", "10.7.7.7, 10.9.9.9", "10.7.7.7"),
        ("10.1.2.3", "198.51.100.9:4711", "198.51.100.9"),
        ("fd00::1", "[2001:db8::1]:80", "2001:db8::1"),
        ("10.1.2.3", "2001:db8::1", "2001:db8::1"),
        ("10.1.2.3", "198.51.100.9, unknown", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.9, unknown, 10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", ",,,", "10.1.2.3"),
    ],
)
def test_the_last_hop_that_is_no_proxy_is_the_client(
    peer: str, forwarded_for: str, seen: str
) -> None:
    """Only what trusted proxies vouch for is believed."""
    assert came(peer, x_forwarded_for=forwarded_for).peer == seen


@pytest.mark.parametrize(
    ("forwarded", "seen", "secure"),
    [
        ("for=198.51.100.9", "198.51.100.9", False),
        ('For="[2001:db8::1]:4711";proto=https', "2001:db8::1", True),
        ("for=203.0.113.1;proto=https, for=198.51.100.9;proto=http", "198.51.100.9", False),
        ("for=_hidden", "10.0.0.1", False),
        ("proto=https", "10.0.0.1", True),
        ('for="198.51.100.9', "10.0.0.1", False),
    ],
)
def test_the_standard_header_goes_first(forwarded: str, seen: str, secure: bool) -> None:
    """`Forwarded` is read with its quotes, and X-Forwarded-For is not read beside it."""
    request = came("10.0.0.1", forwarded=forwarded, x_forwarded_for="203.0.113.200")
    assert (request.peer, request.secure) == (seen, secure)


def test_the_scheme_is_the_proxys_word() -> None:
    """A trusted proxy tells whether the client spoke TLS, and nobody else."""
    assert came("10.0.0.1", x_forwarded_proto="https").secure
    assert came("10.0.0.1", x_forwarded_proto="http, https").secure
    assert not came("10.0.0.1", x_forwarded_proto="https, http").secure
    assert not came("192.0.2.7", x_forwarded_proto="https").secure


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.8.8.8", None),
        ("::1", None),
        ("testclient", None),
        ("", None),
    ],
)
def test_a_network_counts_as_one(peer: str, name: str | None) -> None:
    """An IPv4 address is itself, an IPv6 one its /64, and this machine is not counted."""
    assert counted_as(peer) == name


def test_a_proxy_is_an_address() -> None:
    """What is neither an address nor a network is a mistake of whoever configured it."""
    with pytest.raises(ValueError, match="proxy"):
        networks(["proxy.example"])


@given(st.text(max_size=100), st.text(max_size=100))
def test_any_header_is_survived(one: str, other: str) -> None:
    """Whatever is forwarded, the peer is an address, and nothing is raised."""
    for headers in ({"x_forwarded_for": one}, {"forwarded": one}, {"x_forwarded_proto": other}):
        counted_as(came("10.0.0.1", **headers).peer)
        assert came("192.0.2.7", **headers).peer == "192.0.2.7"
