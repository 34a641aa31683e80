"""Who is let to the door, and what is read of them."""

from __future__ import annotations

import pytest

from collabkit.relay.http import Request
from collabkit.relay.upgrade import Door, Visit, forbidden, visit, wants_websocket

HOUSE = Door(asks=False)
ASKING = Door(asks=True)
LISTED = Door(asks=True, origins={"https://app.example", "http://localhost:5173"})


def arrives(target: str = "/notes", *, peer: str = "127.0.0.1", **headers: str) -> Request:
    """An upgrade with these headers."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request.of("GET", target.encode(), named, peer=peer)


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        ("localhost", True),
        ("localhost:4711", True),
        ("LOCALHOST:4711", True),
        ("tool.localhost", True),
        ("127.0.0.1:4711", True),
        ("127.8.9.1", True),
        ("[::1]:4711", True),
        ("", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.168.0.7:4711", False),
        ("0.0.0.0:4711", False),
        ("[::]:4711", False),
        ("[", False),
        ("localhost, evil.example", False),
    ],
)
def test_an_open_house_serves_loopback_only(host: str, fine: bool) -> None:
    """Whoever asks for no token answers no other Host, so that no foreign name reaches it."""
    refused = forbidden(arrives(host=host), HOUSE)
    assert (refused is None) is fine
    if refused is not None:
        assert refused.status == 403
        assert b"authentication" in refused.body


@pytest.mark.parametrize(
    ("peer", "fine"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("fe80::1%eth0", False),
        ("testclient", False),
        ("", False),
    ],
)
def test_an_open_house_serves_loopback_peers_only(peer: str, fine: bool) -> None:
    """Anybody can say that he is at localhost: it counts where he is."""
    refused = forbidden(arrives(peer=peer, host="localhost"), HOUSE)
    assert (refused is None) is fine
    if refused is not None:
        assert refused.status == 403
        assert repr(peer).encode() in refused.body
    assert forbidden(arrives(peer=peer, host="localhost"), ASKING) is None


@pytest.mark.parametrize(
    ("origin", "fine"),
    [
        ("http://localhost:5173", True),
        ("https://localhost", True),
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("null", False),
        ("", False),
        ("https://evil.example", False),
        ("https://localhost.evil.example", False),
        ("https://evil.example:4711", False),
        ("https://evil.example/localhost", False),
        ("file://", False),
        ("http://localhost, https://evil.example", False),
    ],
)
def test_an_open_house_takes_pages_of_this_machine(origin: str, fine: bool) -> None:
    """A page from elsewhere cannot use its visitor's browser to reach an open relay."""
    refused = forbidden(arrives(host="localhost:4711", origin=origin), HOUSE)
    assert (refused is None) is fine


@pytest.mark.parametrize(
    ("origin", "fine"),
    [
        ("https://app.example", True),
        ("https://APP.example", True),
        ("http://localhost:5173", True),
        ("http://localhost:5174", False),
        ("http://app.example", False),
        ("https://app.example:444", False),
        ("https://sub.app.example", False),
        ("https://app.example.evil.example", False),
        ("https://relay.example", False),
        ("null", False),
    ],
)
def test_named_origins_are_exact(origin: str, fine: bool) -> None:
    """Once origins are named they are the only ones, by scheme, host and port."""
    refused = forbidden(arrives(host="relay.example", origin=origin), LISTED)
    assert (refused is None) is fine


@pytest.mark.parametrize(
    ("origin", "fine"),
    [
        ("https://relay.example", True),
        ("http://relay.example:5173", True),
        ("https://evil.example", False),
        ("https://sub.relay.example", False),
        ("null", False),
    ],
)
def test_without_named_origins_the_host_takes_its_own_pages(origin: str, fine: bool) -> None:
    """A relay that asks who comes takes pages of its own name, until others are named."""
    refused = forbidden(arrives(host="relay.example:4711", origin=origin), ASKING)
    assert (refused is None) is fine
    assert forbidden(arrives(origin="null"), ASKING) is not None


def test_programs_send_no_origin() -> None:
    """Who is not a browser is not kept out by the rule for browsers."""
    for door in (HOUSE, ASKING, LISTED):
        assert forbidden(arrives(host="localhost"), door) is None


def test_a_star_takes_every_page() -> None:
    """`*` opens the relay to any page, and keeps the Host rule of an open house."""
    for origin in ("https://any.example", "null"):
        assert forbidden(arrives(host="x", origin=origin), Door(asks=True, origins="*")) is None
        assert forbidden(arrives(host="localhost", origin=origin), Door(False, "*")) is None
        assert forbidden(arrives(host="x", origin=origin), Door(False, "*")) is not None


@pytest.mark.parametrize(
    "request_",
    [
        arrives(authorization="Bearer a.b-c"),
        arrives(authorization="bearer  a.b-c"),
        arrives(sec_websocket_protocol="collabkit.1, collabkit.token.a.b-c"),
        arrives("/notes?token=a.b-c"),
        arrives(cookie="theme=dark; session=a.b-c"),
        arrives("/notes?token=later", authorization="Bearer a.b-c", cookie="session=last"),
        arrives("/notes?token=later", sec_websocket_protocol="collabkit.token.a.b-c"),
        arrives("/notes?token=a.b-c", authorization="Basic dTpw"),
    ],
)
def test_a_token_is_found_wherever_it_is_shown(request_: Request) -> None:
    """Header, subprotocol, query and cookie all show a token, in that order."""
    assert visit(request_, Door(asks=True, cookie="session")).token == "a.b-c"


@pytest.mark.parametrize(
    "request_",
    [
        arrives(),
        arrives("/notes?token="),
        arrives(authorization="Bearer "),
        arrives(sec_websocket_protocol="collabkit.token."),
        arrives(cookie="session=a.b-c"),
        arrives(cookie="\0;=;"),
    ],
)
def test_what_shows_nothing_has_no_token(request_: Request) -> None:
    """Empty places, and a cookie that nobody asked for, are no token."""
    assert visit(request_, ASKING).token is None


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ("collabkit.1", "collabkit.1"),
        ("yjs, collabkit.1", "collabkit.1"),
        ("yjs,collabkit.token.t", "yjs"),
        ("collabkit.token.t", None),
        ("graphql-ws", None),
        ("", None),
    ],
)
def test_the_subprotocol_is_one_of_those_offered(offered: str, chosen: str | None) -> None:
    """Ours is preferred, `yjs` stands beside a token, and a token is never sent back."""
    assert visit(arrives(sec_websocket_protocol=offered), ASKING).subprotocol == chosen


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/notes", "notes"),
        ("/", ""),
        ("/acme~plan/budget/2027", "acme~plan/budget/2027"),
        ("/a%2Fb", "a/b"),
        ("/50%25", "50%"),
        ("//a", "/a"),
        ("/%C3%BCn%C3%AF/%E2%98%83", "ünï/☃"),
    ],
)
def test_the_path_names_the_room(target: str, path: str) -> None:
    """A room's name is the path without its first slash, decoded once."""
    assert visit(arrives(target), HOUSE).path == path


@pytest.mark.parametrize(
    ("said", "name"),
    [("Ada", "Ada"), ("", None), ("%20", None), ("a%0Ab%1B[31m", "ab[31m"), ("x" * 99, "x" * 64)],
)
def test_a_name_is_cleaned(said: str, name: str | None) -> None:
    """A name is printable and short, since it stands in lists and logs."""
    assert visit(arrives(f"/notes?name={said}"), HOUSE).name == name


def test_a_visit_does_not_show_its_token() -> None:
    """A visit can be logged."""
    assert "secret" not in repr(visit(arrives("/notes?token=secret"), ASKING))
    assert repr(Visit("n", None, None, None)) == "Visit('n', token=None, name=None, None)"


def test_only_an_upgrade_to_websocket_is_one() -> None:
    """A client that offers HTTP/2 the old way still gets an HTTP answer."""
    assert wants_websocket(arrives(upgrade="WebSocket"))
    assert not wants_websocket(arrives(upgrade="h2c"))
    assert not wants_websocket(arrives())
