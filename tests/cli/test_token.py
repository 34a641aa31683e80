"""`token`: keys that only their owner reads, and tokens that say what they should."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from cli.saying import Run
from collabkit.access.tokens import allows, verify
from collabkit.cli.token import read_key
from collabkit.ids import RoomName


@pytest.fixture
def key(run: Run, tmp_path: Path) -> Path:
    """A key file."""
    path = tmp_path / "relay.key"
    assert run("token", "key", path).code == 0
    return path


def test_a_key_is_private_and_never_overwritten(run: Run, key: Path) -> None:
    """A key file can be read by its owner alone, is long enough, and stays what it was."""
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = read_key(key)
    assert len(before) >= 32
    assert run("token", "key", key).code == 1
    assert read_key(key) == before


def test_a_token_says_who_what_and_until_when(run: Run, key: Path) -> None:
    """A minted token names its bearer, opens the rooms that were said, and ends when it should."""
    options = ("--read", "acme~**", "--write", "acme~plan/**", "--ttl", "2h")
    token = run("token", "mint", "user:ada", "--key-file", key, *options).out.strip()
    now = time.time()
    claims = verify(token, read_key(key), now=now)
    assert claims.sub == "user:ada"
    assert abs(claims.exp - now - 7200) < 60
    for room, action, allowed in (
        ("acme~note", "read", True),
        ("acme~note", "write", False),
        ("acme~plan/a", "write", True),
        ("other", "read", False),
    ):
        assert allows(claims, action, RoomName.parse(room)) is allowed  # type: ignore[arg-type]


def test_a_token_as_json(run: Run, key: Path) -> None:
    """`--json` says when the token ends."""
    options = ("--key-file", key, "--write", "note", "--json")
    found = run("token", "mint", "user:ada", *options).json
    assert found["subject"] == "user:ada"
    assert found["expires_at_ms"] > time.time() * 1000


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--read", "a*b"),
        ("--write", "x", "--ttl", "soon"),
        ("--write", "x", "--ttl", "0s"),
        ("--write", "../x"),
    ],
)
def test_a_useless_token_is_not_minted(run: Run, key: Path, options: tuple[str, ...]) -> None:
    """A token that opens nothing, or that no relay would take, is refused in a sentence."""
    said = run("token", "mint", "user:ada", "--key-file", key, *options)
    assert said.code in (1, 2)
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def test_a_short_key_is_refused(run: Run, tmp_path: Path) -> None:
    """A key that can be guessed signs nothing."""
    weak = tmp_path / "weak.key"
    weak.write_text("secret")
    said = run("token", "mint", "user:ada", "--key-file", weak, "--write", "note")
    assert said.code == 1
    assert "secret" not in said.err
