"""Requests and responses, without a socket."""

from __future__ import annotations

import json

import pytest

from collabkit.relay.http import Asset, Request, Response, State, refuse, respond

PAGE = {
    "/index.html": Asset.of(b"<!doctype html>", "text/html; charset=utf-8"),
    "/page.js": Asset.of(b"run()", "text/javascript; charset=utf-8"),
}


def ask(
    target: str,
    *headers: tuple[str, str],
    method: str = "GET",
    page: dict[str, Asset] = PAGE,
    draining: bool = False,
) -> Response:
    """Put one request to a relay with a page, two rooms and an empty registry."""
    state = State(draining, {"rooms": 2}, page, lambda: (b"rooms 2\n", "text/plain; version=1"))
    return respond(Request.of(method, target.encode(), headers), state)


def header(response: Response, name: str) -> str | None:
    """The only value of a header."""
    values = [value for known, value in response.headers if known == name]
    assert len(values) <= 1
    return values[0] if values else None


def test_health_says_how_it_stands() -> None:
    """/healthz is 200 and JSON, so that a balancer and a person can read it."""
    response = ask("/healthz")
    assert (response.status, header(response, "Content-Type")) == (200, "application/json")
    assert json.loads(response.body) == {"status": "ok", "rooms": 2}


def test_health_turns_balancers_away_while_draining() -> None:
    """/healthz is 503 once clients should go elsewhere."""
    response = ask("/healthz", draining=True)
    assert response.status == 503
    assert json.loads(response.body)["status"] == "draining"


def test_metrics_come_with_their_media_type() -> None:
    """/metrics is what the registry wrote, under the type it named."""
    response = ask("/metrics")
    assert response.body == b"rooms 2\n"
    assert header(response, "Content-Type") == "text/plain; version=1"


def test_neither_health_nor_metrics_are_kept() -> None:
    """No cache holds on to a figure."""
    for path in ("/healthz", "/metrics"):
        assert header(ask(path), "Cache-Control") == "no-store"


@pytest.mark.parametrize("target", ["/", "/?session=notes", "/index.html"])
def test_the_page_is_at_the_root(target: str) -> None:
    """The page answers at /, whatever session its query names."""
    response = ask(target)
    assert (response.status, response.body) == (200, b"<!doctype html>")


def test_the_page_may_run_its_own_scripts_only() -> None:
    """The page's policy lets in nothing from elsewhere, and no inline script."""
    policy = header(ask("/"), "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"


def test_a_page_that_was_not_built_says_how_to_build_it() -> None:
    """Without a build, / names the command that makes one."""
    response = ask("/", page={})
    assert response.status == 404
    assert b"make page" in response.body


def test_what_has_not_changed_is_not_sent_again() -> None:
    """A client that shows the tag it has gets 304 and no body, for each way of writing the tag."""
    etag = header(ask("/page.js"), "ETag")
    assert etag is not None
    for shown in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        response = ask("/page.js", ("if-none-match", shown))
        assert (response.status, response.body) == (304, b"")
        assert header(response, "ETag") == etag
    assert ask("/page.js", ("if-none-match", '"other"')).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "CONNECT", "get", ""])
def test_only_reading_is_answered(method: str) -> None:
    """Nothing changes by HTTP: other methods are 405 and told which are not."""
    response = ask("/healthz", method=method)
    assert (response.status, header(response, "Allow")) == (405, "GET, HEAD, OPTIONS")


def test_options_tells_what_is_answered() -> None:
    """OPTIONS has no body, and the same list."""
    response = ask("/healthz", method="OPTIONS")
    assert (response.status, response.body) == (204, b"")
    assert header(response, "Allow") == "GET, HEAD, OPTIONS"


def test_head_is_answered_as_get() -> None:
    """HEAD has the status and headers of GET; the shell leaves the body out."""
    assert ask("/healthz", method="HEAD") == ask("/healthz")


@pytest.mark.parametrize(
    "target", ["/notes", "/../index.html", "/%2e%2e/index.html", "//index.html", "/%ff", "/\0", "*"]
)
def test_all_else_is_not_found(target: str) -> None:
    """A path is the exact name of an asset or it is nothing: no dots, no second decoding."""
    assert ask(target).status == 404


@pytest.mark.parametrize("target", ["/", "/page.js", "/healthz", "/metrics", "/nothing"])
def test_every_answer_guards_its_reader(target: str) -> None:
    """No answer is sniffed, and none sends an address that may carry a token any further."""
    response = ask(target)
    assert header(response, "X-Content-Type-Options") == "nosniff"
    assert header(response, "Referrer-Policy") == "no-referrer"


def test_a_path_is_decoded_once() -> None:
    """`%2F` is a slash, `%252F` is not, and bytes that are not UTF-8 are no character."""
    assert Request.of("GET", b"/a%2Fb", ()).path == "/a/b"
    assert Request.of("GET", b"/a%252Fb", ()).path == "/a%2Fb"
    assert Request.of("GET", "/日本".encode(), ()).path == "/日本"
    assert Request.of("GET", b"/%ff", ()).path == "/\udcff"


def test_the_first_of_a_repeated_field_counts() -> None:
    """A query that names a field twice means the first, and an empty one is empty."""
    request = Request.of("GET", b"/?a=1&a=2&b=&c=%C3%A9+x&d", ())
    assert request.query == {"a": "1", "b": "", "c": "é x", "d": ""}


def test_lines_of_one_header_are_joined() -> None:
    """A header sent in two lines is one list."""
    request = Request.of("GET", b"/", (("accept", "a"), ("host", "h"), ("accept", "b")))
    assert request.header("accept") == "a, b"
    assert request.header("cookie") is None


def test_a_refusal_is_a_sentence() -> None:
    """What is refused by hand is text, with the headers it was given."""
    response = refuse(503, "Full.", ("Retry-After", "5"))
    assert (response.status, response.body) == (503, b"Full.\n")
    assert header(response, "Retry-After") == "5"
