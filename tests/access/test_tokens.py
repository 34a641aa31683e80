"""The token codec: what is accepted, what is not, and what a pattern opens."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.access.tokens import Action, Claims, allows, mint, verify
from collabkit.errors import InvalidToken
from collabkit.ids import RoomName

KEY = b"a key that is long enough for every algorithm there is, 64 bytes"
OTHER = b"b" + KEY[1:]
NOW = 1_700_000_000


def signed(key: bytes = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    """A token of somebody who knows the key and JWT, and not our rules."""
    return jwt.encode({"sub": "user:ada", "exp": NOW + 60, **claims}, key, algorithm=algorithm)


def unsigned(header: dict[str, Any], payload: Any, signature: str = "") -> str:
    """A token put together by hand."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, payload)
    ]
    return ".".join([*parts, signature])


def test_what_is_minted_is_read_back() -> None:
    """All claims survive, and iat is the time of minting."""
    claims = Claims("user:ada", NOW + 60, read=("a", "b/**"), write=("c~*",), nbf=NOW)
    assert verify(mint(claims, KEY, now=NOW), KEY, now=NOW) == Claims(
        "user:ada", NOW + 60, read=("a", "b/**"), write=("c~*",), nbf=NOW, iat=NOW
    )


def test_a_claim_that_is_not_used_is_not_in_the_token() -> None:
    """A token is sent with every connection: it has no more than it says."""
    token = mint(Claims("user:ada", NOW + 60), KEY, now=NOW)
    payload = jwt.decode(token, options={"verify_signature": False})
    assert payload == {"sub": "user:ada", "exp": NOW + 60, "iat": NOW}


def test_it_holds_until_the_second_it_expires() -> None:
    """``exp`` is the first second in which it no longer holds (RFC 7519 §4.1.4)."""
    token = signed()
    assert verify(token, KEY, now=NOW + 59.9).sub == "user:ada"
    with pytest.raises(InvalidToken, match="it has expired"):
        verify(token, KEY, now=NOW + 60)


def test_it_holds_from_the_second_it_names() -> None:
    """``nbf`` is the first second in which it holds (RFC 7519 §4.1.5)."""
    token = signed(nbf=NOW + 10)
    assert verify(token, KEY, now=NOW + 10).nbf == NOW + 10
    with pytest.raises(InvalidToken, match="it does not hold yet"):
        verify(token, KEY, now=NOW + 9)


def test_times_with_a_fraction_are_taken() -> None:
    """JavaScript mints `Date.now() / 1000 + 60`."""
    assert verify(signed(exp=NOW + 60.7, iat=NOW + 0.2), KEY, now=NOW).exp == NOW + 60


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "it is malformed"),
        ("..", "it is malformed"),
        ("not.a.token", "it is malformed"),
        ("\ud800", "it is malformed"),
        ("a" * 10_000, "it is longer than 8192 characters"),
        (signed(OTHER), "its signature is not of this key"),
        (signed(algorithm="HS512"), "it is malformed"),
        (signed(aud="another"), "it was made for another service"),
        (signed(exp=None), "it has no exp"),
        (jwt.encode({"sub": "user:ada"}, KEY), "it has no exp"),
        (jwt.encode({"exp": NOW + 60}, KEY), "it has no sub"),
        (signed(exp="tomorrow"), "it is malformed"),
        (signed(exp=True), "it is malformed"),
        (signed(exp=float("inf")), "it is malformed"),
        (signed(exp=float("nan")), "it is malformed"),
        (signed(exp=10**400), "it is malformed"),
        (signed(exp=-1), "it is malformed"),
        (signed(sub=7), "it is malformed"),
        (signed(sub=""), "its subject is no name"),
        (signed(sub="user:\nada"), "its subject is no name"),
        (signed(sub="a" * 300), "its subject is no name"),
        (signed(read="notes"), "it is malformed"),
        (signed(write=[1]), "it is malformed"),
        (signed(read=[""]), "a pattern in it cannot be the name of a room"),
        (signed(read=["a/../b"]), "a pattern in it cannot be the name of a room"),
        (signed(read=["a/**/b"]), r"a pattern in it has \*\* before its end"),
        (signed(write=["note*"]), r"a pattern in it has \* beside other characters"),
        (unsigned({"alg": "none"}, {"sub": "user:ada", "exp": NOW + 60}), "it is malformed"),
        (unsigned({"alg": "HS256"}, [1, 2]), "its signature is not of this key"),
        (unsigned({"alg": "HS256"}, "x", "!!"), "it is malformed"),
        (unsigned({}, {}), "it is malformed"),
    ],
)
def test_what_proves_nothing_is_refused(token: str, reason: str) -> None:
    """Each token that breaks a rule is refused with a sentence that names the rule."""
    with pytest.raises(InvalidToken, match=f"^invalid token: {reason}$"):
        verify(token, KEY, now=NOW)


def test_the_header_decides_nothing() -> None:
    """A token that says ``none``, or another algorithm, is not believed about it."""
    good = signed()
    header, payload, signature = good.split(".")
    for algorithm in ("none", "HS384", "RS256", "EdDSA"):
        forged = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).rstrip(b"=")
        with pytest.raises(InvalidToken):
            verify(f"{forged.decode()}.{payload}.{signature}", KEY, now=NOW)
    assert header != ""


def test_a_signed_payload_that_is_no_object_is_refused() -> None:
    """Whoever has the key may still sign nonsense."""
    token = jwt.api_jws.encode(b"[1, 2]", KEY, algorithm="HS256")
    with pytest.raises(InvalidToken, match="it is malformed"):
        verify(token, KEY, now=NOW)


def test_deeply_nested_json_is_refused() -> None:
    """A payload that exhausts the parser's stack is malformed, not a crash."""
    token = jwt.api_jws.encode(b"[" * 2900 + b"]" * 2900, KEY, algorithm="HS256")
    with pytest.raises(InvalidToken, match="it is malformed"):
        verify(token, KEY, now=NOW)


@given(st.text(max_size=200) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,80}\.[\w-]{0,50}"))
def test_garbage_is_refused_in_one_way(token: str) -> None:
    """Whatever somebody sends, the answer is InvalidToken."""
    with pytest.raises(InvalidToken):
        verify(token, KEY, now=NOW)


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_changed_token_is_refused_and_never_told(at: int, by: int) -> None:
    """One changed character breaks the signature, and no error repeats the token."""
    good = signed(read=["notes"])
    at %= len(good) - 1  # the last character of base64 has bits that mean nothing
    changed = good[:at] + chr((ord(good[at]) + by) % 256) + good[at + 1 :]
    with pytest.raises(InvalidToken) as caught:
        verify(changed, KEY, now=NOW)
    assert not any(part in str(caught.value) for part in changed.split(".") if len(part) > 4)
    assert caught.value.__cause__ is None


def test_a_short_key_is_no_key() -> None:
    """A key that can be guessed neither signs nor verifies."""
    with pytest.raises(InvalidToken, match="the key is shorter than 32 bytes"):
        mint(Claims("user:ada", NOW + 60), b"secret", now=NOW)
    with pytest.raises(InvalidToken, match="the key is shorter than 32 bytes"):
        verify(signed(), b"secret", now=NOW)


@pytest.mark.parametrize(
    "claims",
    [
        Claims("user:ada", NOW),
        Claims("", NOW + 60),
        Claims("user:ada", NOW + 60, read=("*x",)),
        Claims("user:ada", NOW + 60, write=("a//b",)),
    ],
)
def test_what_would_be_refused_is_not_minted(claims: Claims) -> None:
    """A mistake shows where it is made, not at somebody else's door."""
    with pytest.raises(InvalidToken):
        mint(claims, KEY, now=NOW)


@pytest.mark.parametrize(
    ("pattern", "opens", "keeps_shut"),
    [
        ("notes", ["notes", "default~notes/main"], ["notes2", "note", "notes/x", "acme~notes"]),
        ("notes/**", ["notes", "notes/x", "notes/x/y"], ["notes2/x", "acme~notes/x"]),
        ("notes/*", ["notes", "notes/x"], ["notes/x/y", "other/x"]),
        ("notes/a/**", ["notes/a/b", "notes/a/b/c"], ["notes/a", "notes/ab/c", "notes"]),
        ("*", ["notes", "plan"], ["notes/x", "acme~notes"]),
        ("**", ["notes", "notes/x/y"], ["acme~notes"]),
        ("acme~*", ["acme~notes"], ["acme~notes/x", "acme2~notes", "notes"]),
        ("acme~**", ["acme~notes", "acme~notes/x/y"], ["acme2~notes", "notes"]),
        ("*~*", ["acme~notes", "notes"], ["acme~notes/x"]),
        ("*~**", ["acme~notes", "notes", "a~b/c/d"], []),
        ("*~notes/**", ["acme~notes/x", "notes"], ["acme~plan"]),
        ("acme~plan/*/2027", ["acme~plan/budget/2027"], ["acme~plan/2027", "acme~plan/a/b/2027"]),
    ],
)
def test_a_pattern_opens_what_it_names(
    pattern: str, opens: list[str], keeps_shut: list[str]
) -> None:
    """Patterns match whole parts of project, session and document."""
    claims = Claims("user:ada", NOW + 60, read=(pattern,))
    assert [name for name in opens if not allows(claims, "read", RoomName.parse(name))] == []
    assert [name for name in keeps_shut if allows(claims, "read", RoomName.parse(name))] == []


def test_nothing_listed_opens_nothing() -> None:
    """A token without patterns proves who somebody is, and opens no room."""
    claims = Claims("user:ada", NOW + 60)
    assert not any(allows(claims, action, RoomName.parse("notes")) for action in actions())


def test_writing_implies_reading_and_not_the_other_way() -> None:
    """Who may write a room may read it; who may read it may not write it."""
    claims = Claims("user:ada", NOW + 60, read=("a",), write=("b",))
    opened = {
        (name, action): allows(claims, action, RoomName.parse(name))
        for name in "ab"
        for action in actions()
    }
    assert opened == {
        ("a", "read"): True,
        ("a", "write"): False,
        ("b", "read"): True,
        ("b", "write"): True,
    }


def actions() -> tuple[Action, Action]:
    """Both."""
    return ("read", "write")


names = st.lists(st.sampled_from(["a", "b", "main", "default"]), min_size=1, max_size=4).map(
    "/".join
)


@given(names, names)
def test_a_pattern_without_stars_is_the_name_itself(pattern: str, name: str) -> None:
    """Without a star a pattern opens the one room that it names, however it is written."""
    claims = Claims("user:ada", NOW + 60, read=(pattern,))
    same = RoomName.parse(pattern) == RoomName.parse(name)
    assert allows(claims, "read", RoomName.parse(name)) == same
