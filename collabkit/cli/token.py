"""``collabkit token``: keys, and the tokens that are signed with them."""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from ..access.tokens import MIN_KEY_BYTES, Claims, check_key, mint
from ..errors import CannotWrite, InvalidToken
from . import render

__all__ = ["app", "read_key"]

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="Keys and tokens for `serve --auth jwt`.")
app.add_typer(group, name="token")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def read_key(path: Path) -> bytes:
    """Read a key file. Raises InvalidToken if what is in it is too short to be a key."""
    key = path.read_bytes().strip()
    try:
        check_key(key)
    except InvalidToken as error:
        raise InvalidToken(f"{path}: {error.reason}") from None
    return key


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None or int(found[1]) == 0:
        raise typer.BadParameter(f"{text!r} is not a duration such as 90s, 15m, 12h or 30d")
    return int(found[1]) * _UNITS[found[2]]


@group.command("key")
def make_key(
    out: Annotated[Path, typer.Argument(help="Where to write it.", show_default=False)],
) -> None:
    """Make a key that only you can read."""
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CannotWrite(str(out), "it exists already, and a key is never overwritten") from None
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(MIN_KEY_BYTES) + "\n")
    render.note(f"a new key is in {out}")


@group.command("mint")
def make_token(
    subject: Annotated[str, typer.Argument(help="Who the bearer is, such as user:ada.")],
    *,
    key_file: Annotated[Path, typer.Option(help="The key; `collabkit token key` makes one.")],
    read: Annotated[
        list[str] | None,
        typer.Option(help="Rooms the bearer may read: PROJECT~SESSION/DOCUMENT, with * and **."),
    ] = None,
    write: Annotated[
        list[str] | None, typer.Option(help="Rooms the bearer may read and write.")
    ] = None,
    forward: Annotated[
        bool, typer.Option("--forward", help="The bearer may bring what others wrote.")
    ] = False,
    ttl: Annotated[str, typer.Option(help="How long it holds: 90s, 15m, 12h, 30d.")] = "12h",
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Mint a token: it says who the bearer is, and which rooms are open to him.

    In a pattern * stands for one part of a room's name and ** for the rest of it.
    """
    if not (read or write):
        raise typer.BadParameter("a token that opens no room is of no use: say --read or --write")
    now = int(time.time())
    claims = Claims(
        sub=subject,
        exp=now + _seconds(ttl),
        read=tuple(read or ()) + tuple(write or ()),
        write=tuple(write or ()),
        forward=forward,
    )
    token = mint(claims, read_key(key_file), now=now)
    if as_json:
        render.json({"token": token, "subject": subject, "expires_at_ms": claims.exp * 1000})
    else:
        render.line(token)
