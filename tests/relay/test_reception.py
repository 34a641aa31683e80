"""What is decided about a request, by a reception in front of a real hub."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from collabkit.relay.addresses import networks
from collabkit.relay.http import Request, Response
from collabkit.relay.reception import Reception
from collabkit.relay.upgrade import Door, Visit, wants_websocket
from collabkit.sessions.workspace import Workspace

UPGRADE = (("host", "localhost"), ("upgrade", "websocket"))


@pytest.fixture
def reception(workspace: Workspace) -> Reception:
    """The reception of an open house with two places."""
    return Reception(workspace.hub, Door(asks=False), max_connections=2, max_per_address=1)


@pytest.fixture
def proxied(workspace: Workspace) -> Reception:
    """The reception of a house behind a proxy on its machine, with one place for each address."""
    return Reception(
        workspace.hub,
        Door(asks=True),
        max_connections=2,
        max_per_address=1,
        proxies=networks(["127.0.0.1"]),
    )


def ask(reception: Reception, target: str, *headers: tuple[str, str]) -> Response | Visit:
    """Put one request."""
    request = Request.of("GET", target.encode(), headers, peer="127.0.0.1")
    answer = reception.receive(request, websocket=wants_websocket(request))
    assert not isinstance(answer, asyncio.Task)
    return answer


def test_an_upgrade_is_a_visit(reception: Reception) -> None:
    """Who asks for a WebSocket and may have one is a visit."""
    assert ask(reception, "/notes?name=Ada", *UPGRADE) == Visit(
        "notes", None, "Ada", None, "127.0.0.1", "c1"
    )


def test_a_visitor_is_who_the_proxy_says(proxied: Reception) -> None:
    """What a trusted proxy forwards comes from whom it names, and every connection has a name."""
    for number, peer in ((1, "192.0.2.7"), (2, "2001:db8::7")):
        visit = ask(proxied, "/notes", *UPGRADE, ("x-forwarded-for", peer))
        assert isinstance(visit, Visit)
        assert (visit.peer, visit.connection) == (peer, f"c{number}")


def test_an_address_has_its_share(proxied: Reception) -> None:
    """One connection too many of one network gets 429 and when to come back; others get in."""
    proxied.addresses.enter("2001:db8:0:1::/64")
    for peer, welcome in (("2001:db8:0:1::9", False), ("2001:db8:0:2::9", True)):
        answer = ask(proxied, "/notes", *UPGRADE, ("x-forwarded-for", peer))
        assert isinstance(answer, Visit) is welcome
        if isinstance(answer, Response):
            assert (answer.status, dict(answer.headers)["Retry-After"]) == (429, "5")


def test_an_untold_proxy_is_noticed_once(
    reception: Reception, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever forgot to name his proxy reads of it in the log."""
    for _ in range(2):
        ask(reception, "/notes", *UPGRADE, ("x-forwarded-for", "192.0.2.7"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "proxy" in caplog.text


def test_a_full_house_lets_nobody_in(reception: Reception) -> None:
    """Upgrades beyond the last place get 503; the pages are still there."""
    reception.traffic.connections = 2
    answer = ask(reception, "/notes", *UPGRADE)
    assert isinstance(answer, Response)
    assert answer.status == 503
    assert dict(answer.headers)["Retry-After"] == "5"
    assert ask(reception, "/healthz", UPGRADE[0]).status == 200  # type: ignore[union-attr]


def test_a_draining_house_lets_nobody_in(reception: Reception) -> None:
    """Once it drains, upgrades get 503, and balancers are told."""
    reception.draining = True
    for target, headers in (("/notes", UPGRADE), ("/healthz", UPGRADE[:1])):
        answer = ask(reception, target, *headers)
        assert isinstance(answer, Response)
        assert answer.status == 503


def test_health_counts(reception: Reception) -> None:
    """/healthz tells connections and rooms."""
    reception.traffic.connections = 1
    answer = ask(reception, "/healthz", UPGRADE[0])
    assert isinstance(answer, Response)
    said = json.loads(answer.body)
    assert (said["status"], said["connections"], said["rooms"]) == ("ok", 1, 0)


def test_a_refusal_is_counted_and_logged(
    reception: Reception, caplog: pytest.LogCaptureFixture
) -> None:
    """A developer whose page is refused finds the sentence in the relay's log, and no secret."""
    caplog.set_level(logging.WARNING)
    ask(reception, "/notes?token=secret", *UPGRADE, ("origin", "https://evil.example"))
    assert reception.traffic.refused == {403: 1}
    assert "'/notes'" in caplog.text
    assert "https://evil.example" in caplog.text
    assert "secret" not in caplog.text
