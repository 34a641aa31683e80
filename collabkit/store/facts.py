"""Facts and their epochs, in tables of their own; :mod:`.charter` says what they are.

Rules:

1. A fact is never overwritten. It is *born* in an epoch and *dies* in a later one, so the facts of
   any epoch are those that were born by then and had not died.
2. An epoch is there once it has its digest. What was written for one that has none was only begun,
   and is read by nobody; whoever changes facts next sweeps it away first.
3. Its digest is SHA-256 over two of them: of what was born, ``[kind,key,body]``, and of what died,
   ``[kind,key]``: lines of JSON by kind and key. The audit has it too, so that neither table can be
   changed unseen.
4. An epoch says how many facts it has, and no two have one name: one that is lost is missed, and
   one that a damaged index hid from its successor stands out.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Generator, Iterator, Sequence

import msgspec

from ..errors import Corrupt, MomentNotFound
from ..ids import Subject
from . import rows
from .charter import Epoch, StoredFact

__all__ = [
    "EPOCH_FIELDS",
    "FIELDS",
    "STEP",
    "checked",
    "crc",
    "epochs",
    "line",
    "newest",
    "read",
    "verify",
]

# So many facts are read, put or dropped in some 10 ms.
STEP = 1000

FIELDS = "kind, key, body, born, died"
EPOCH_FIELDS = "no, at_ms, made_by, reason, facts, digest"

_START = Epoch(0, 0, Subject(""), "", 0, "")


class _Told(msgspec.Struct):
    """What the audit is told of an epoch, as far as it matters here."""

    epoch: int
    digest: str


def newest(connection: sqlite3.Connection, path: str) -> Epoch:
    """The epoch that the facts are of. Raises Corrupt."""
    found = connection.execute(
        f"SELECT {EPOCH_FIELDS}, crc FROM epochs WHERE digest IS NOT NULL ORDER BY no DESC LIMIT 1"
    ).fetchone()
    return _epoch(path, found) if found else _START


def epochs(connection: sqlite3.Connection, path: str, *, after: int, limit: int) -> list[Epoch]:
    """Read epochs, oldest first. Raises Corrupt."""
    found = connection.execute(
        f"SELECT {EPOCH_FIELDS}, crc FROM epochs WHERE no > ? AND digest IS NOT NULL "
        "ORDER BY no LIMIT ?",
        (after, limit),
    ).fetchall()
    return [_epoch(path, values) for values in found]


def read(
    connection: sqlite3.Connection, path: str, *, at: int | None
) -> Generator[None, None, tuple[int, list[StoredFact]]]:
    """Read the facts of an epoch, or of the newest, in slices. Raises Corrupt, MomentNotFound."""
    epoch = newest(connection, path)
    if at is not None and not 0 <= at <= epoch.no:
        raise MomentNotFound(str(at), f"the policy is of epoch {epoch.no}")
    if at == 0:
        epoch = _START
    elif at is not None and at != epoch.no:
        (epoch,) = epochs(connection, path, after=at - 1, limit=1) or (_START,)
        if epoch.no != at:
            raise Corrupt(path, f"epoch {at} of the policy", "it is missing")
    found: dict[tuple[str, str], StoredFact] = {}
    for page in _pages(connection):
        if missing := _unknown(connection, page):
            raise Corrupt(path, f"epoch {missing} of the policy", "it is missing")
        for values in page:
            _, _, _, born, died, _ = values
            if born <= epoch.no and (died is None or died > epoch.no):
                fact = checked(path, values)
                if (fact.kind, fact.key) in found:
                    raise Corrupt(path, f"{fact.kind} {fact.key!r}", "it is there twice")
                found[fact.kind, fact.key] = fact
        yield
    if len(found) != epoch.facts:
        why = f"{epoch.facts} facts are listed, there are {len(found)}"
        raise Corrupt(path, f"epoch {epoch.no} of the policy", why)
    return epoch.no, list(found.values())


def _pages(connection: sqlite3.Connection) -> Iterator[list[rows.Values]]:
    """All rows as they were written, page by page; what comes meanwhile is of later epochs."""
    after: int = 0
    while True:
        page = connection.execute(
            f"SELECT no, {FIELDS}, crc FROM facts WHERE no > ? ORDER BY no LIMIT ?", (after, STEP)
        ).fetchall()
        if page:
            after = page[-1][0]
            yield [values[1:] for values in page]
        if len(page) < STEP:
            return


def _unknown(connection: sqlite3.Connection, page: Sequence[rows.Values]) -> int:
    """The last epoch of some rows, if neither it nor a later one is there or was begun; or 0."""
    last = max(max(values[3], values[4] or 0) for values in page)
    (known,) = connection.execute("SELECT coalesce(max(no), 0) FROM epochs").fetchone()
    return last if last > known else 0


def verify(connection: sqlite3.Connection, path: str) -> Iterator[str]:
    """Check facts, epochs, and what the audit tells of them; yields a sentence for each fault."""
    # First these two: what comes meanwhile is left out.
    told = _told(connection)
    try:
        last = newest(connection, path)
    except Corrupt as damage:
        yield f"{damage.where}: {damage.reason}"
        return
    faulty = False
    born: dict[int, list[tuple[str, str, bytes]]] = {}
    died: dict[int, list[tuple[str, str]]] = {}
    ends = {last.no, *told}
    for page in _pages(connection):
        ends.add(_unknown(connection, page))
        for values in page:
            try:
                fact = checked(path, values)
            except Corrupt as damage:
                yield f"{damage.where}: {damage.reason}"
                faulty = True
                continue
            born.setdefault(values[3], []).append((fact.kind, fact.key, fact.body or b""))
            if values[4] is not None:
                died.setdefault(values[4], []).append((fact.kind, fact.key))
    if faulty:
        return
    count = 0
    for no in range(1, max(ends) + 1):
        count += len(born.get(no, ())) - len(died.get(no, ()))
        try:
            (epoch,) = epochs(connection, path, after=no - 1, limit=1) or (_START,)
        except Corrupt as damage:
            yield f"{damage.where}: {damage.reason}"
            continue
        if epoch.no != no:
            yield f"epoch {no} of the policy: it is missing"
        elif (epoch.facts, epoch.digest) != (count, _digest(born.get(no, ()), died.get(no, ()))):
            yield f"epoch {no} of the policy: its facts are not those that were written"
        elif told.get(no) != epoch.digest:
            yield f"epoch {no} of the policy: the audit does not tell of it as it is"


def _told(connection: sqlite3.Connection) -> dict[int, str]:
    """The digests of epochs, as the audit has them."""
    found = connection.execute("SELECT data FROM audit WHERE action = 'access' AND session IS NULL")
    told: dict[int, str] = {}
    for (text,) in found.fetchall():
        try:
            one = msgspec.json.decode(text, type=_Told)
        except msgspec.MsgspecError:
            continue  # if it was changed, the chain tells of it
        told[one.epoch] = one.digest
    return told


def _digest(born: Sequence[tuple[str, str, bytes]], died: Sequence[tuple[str, str]]) -> str:
    births, deaths = hashlib.sha256(), hashlib.sha256()
    for kind, key, body in sorted(born):
        births.update(line(kind, key, body))
    for name in sorted(died):
        deaths.update(line(*name))
    return hashlib.sha256(births.digest() + deaths.digest()).hexdigest()


def line(kind: str, key: str, body: bytes | None = None) -> bytes:
    """What a digest takes in of a fact that was born, or without a body of one that died."""
    fields = (kind, key) if body is None else (kind, key, msgspec.Raw(body))
    return msgspec.json.encode(fields) + b"\n"


def crc(kind: str, key: str, body: bytes, born: int, died: int | None) -> int:
    """The check sum of a fact's row."""
    return rows.crc((kind, key, born, died), body)


def checked(path: str, values: rows.Values) -> StoredFact:
    """Make a fact of the values of its row. Raises Corrupt."""
    kind, key, body, born, died, total = values
    text = body.encode()
    if crc(kind, key, text, born, died) != total:
        raise Corrupt(path, f"{kind} {key!r}", rows.WRONG_SUM)
    return StoredFact(kind, key, text)


def _epoch(path: str, values: rows.Values) -> Epoch:
    *fields, total = values
    no, at_ms, by, reason, facts, digest = fields
    if rows.crc(fields) != total:
        raise Corrupt(path, f"epoch {no} of the policy", rows.WRONG_SUM)
    return Epoch(no, at_ms, Subject(by), reason, facts, digest.hex())
