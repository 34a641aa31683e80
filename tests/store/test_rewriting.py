"""Putting other content in the place of a document's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from collabkit.errors import Conflict, Corrupt, LocalProtocolError
from collabkit.ids import Seq, SessionId, Subject
from collabkit.store import annals, checkpoints
from collabkit.store.base import Deed, Draft, Version
from collabkit.store.compaction import Asked
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.store.rewriting import Rewriting, Rewritten, rewrite
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.recovery_contract import BEN
from collabkit.testing.store_contract import ADA, checkpoint
from store.processes import finish

SECRET = b"my very own words"
GONE = Subject("erased:1")
ERASE = Deed(ADA, "erase", {"subject": GONE})


def secret(seq: int, document: str = "main") -> Draft:
    """What Ben wrote, and called it something."""
    return Draft(
        document, BEN, SECRET + b"%d" % seq, seq, clients=(5,), claims=(5,), group="my very own"
    )


@pytest.fixture
def written(ledger: Ledger, session: SessionId) -> SessionId:
    """Rows of Ada and Ben in turn, with all that a document may have beside them."""
    ada = Draft("main", ADA, b"ada's", 0, clients=(1,), claims=(1,))
    ledger.write([(session, [ada, secret(2), ada, secret(4), secret(5, "other"), ada, secret(7)])])
    for seq in (2, 4, 6):
        made = replace(checkpoint(seq), body=SECRET + b" up to %d" % seq)
        ledger.put_checkpoint(session, made)
    for subject, document in ((BEN, "main"), (ADA, "main"), (BEN, "other")):
        ledger.quarantine(
            session, document, subject=subject, body=b"of " + subject.encode(), reason="x", seq=None
        )
    ledger.quarantine(session, "main", subject=BEN, body=SECRET + b"7", reason="x", seq=7)
    ledger.quarantine(session, "main", subject=BEN, body=b"", reason="x", seq=6)
    version = Version("v", Seq(7), BEN, 0, authors=(ADA, BEN), note="my very own note")
    annals.put_version(ledger.file, session, version, replace=False)
    return session


def asked(bodies: Mapping[int, bytes], *seqs: int, dry_run: bool = False) -> Rewriting:
    """Replace Ben's bodies, and have checkpoints at these rows."""
    new = [replace(checkpoint(seq), body=b"new up to %d" % seq) for seq in seqs]
    made = tuple((one, checkpoints.pack(one.body)) for one in new)
    return Rewriting(bodies, made, BEN, GONE, 7, ERASE, dry_run)


BODIES = {2: b"-", 4: b"-", 7: b"-"}


def test_rows_are_rewritten_in_their_places(ledger: Ledger, written: SessionId) -> None:
    """With their numbers and times; other rows, and other documents, are as they were."""
    before = finish(ledger.rows(written, after=0, document=None, limit=99))
    told = finish(rewrite(ledger.file, written, "main", asked(BODIES, 4, 7)))
    assert told.rows == 3
    expected = [
        replace(row, body=b"-", subject=GONE, group=None) if row.seq in BODIES else row
        for row in before
    ]
    assert finish(ledger.rows(written, after=0, document=None, limit=99)) == expected
    assert finish(ledger.load(written, "other")).owners == {5: BEN}
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []
        assert reader.audit()[-1].data == ERASE.data


def test_all_that_stands_beside_the_rows_is_his_no_more(ledger: Ledger, written: SessionId) -> None:
    """Client ids, checkpoints, versions, and what was set aside, whose row stays aside."""
    size = ledger.find_session("notes", "default").size_bytes
    told = finish(rewrite(ledger.file, written, "main", asked(BODIES, 4)))
    assert ledger.find_session("notes", "default").size_bytes == size - told.freed_bytes
    loaded = finish(ledger.load(written, "main"))
    assert loaded.checkpoint == replace(checkpoint(4), body=b"new up to 4")
    assert (loaded.owners, loaded.aside) == ({1: ADA, 5: GONE}, (7,))
    apart = [(one.document, one.subject, one.body, one.seq) for one in ledger.quarantined(written)]
    assert sorted(apart, key=str) == [
        ("main", GONE, b"-", 7),
        ("main", ADA, b"of user:ada", None),
        ("other", BEN, b"of user:ben", None),
    ]
    (version,) = annals.listed(ledger.file, written, None)
    assert (version.by, version.authors, version.note) == (GONE, (ADA, GONE), "")


def test_the_number_of_what_is_set_aside_stays(ledger: Ledger, written: SessionId) -> None:
    """So whoever has noted it can let the row back."""
    before = {one.seq: one.id for one in ledger.quarantined(written) if one.kind == "update"}
    finish(rewrite(ledger.file, written, "main", asked(BODIES, 4)))
    ledger.release(before[Seq(7)])
    assert finish(ledger.load(written, "main")).rows[-1].body == b"-"


async def test_the_old_content_is_nowhere_in_the_file(path: str) -> None:
    """Not in free pages, checkpoints or the log beside it, while the file is still held."""
    async with SQLiteStore.open(path) as store:
        session = (await store.create_session("notes", project="p", kind="k", by=BEN)).id
        for seq in range(1, 40):
            long = replace(secret(seq), body=SECRET * 400)
            await store.append(session, [long])
        made = replace(checkpoint(39), body=SECRET + bytes(range(256)) * 40)
        await store.put_checkpoint(session, made)
        assert any(SECRET in content for content in contents(path))
        told = await store.rewrite(
            session,
            "main",
            dict.fromkeys(range(1, 40), b"-"),
            checkpoints=[checkpoint(39)],
            subject_from=BEN,
            subject_to=GONE,
            upto=39,
            audit=ERASE,
        )
        assert told.rows == 39
        assert told.freed_bytes > 39 * 400 * len(SECRET)
        assert not any(b"very own" in content for content in contents(path))
        assert (await store.find_session("notes", project="p")).created_by == GONE
        assert list(store.verify()) == []


def contents(path: str) -> list[bytes]:
    """What stands in a file and in those beside it."""
    return [one.read_bytes() for one in Path(path).parent.iterdir() if one.name.startswith("test")]


def test_a_dry_run_changes_nothing(ledger: Ledger, written: SessionId) -> None:
    """And says what would change."""
    ledger.file.settle()
    before = ledger.file.connection.total_changes
    told = finish(rewrite(ledger.file, written, "main", asked(BODIES, 4, dry_run=True)))
    assert ledger.file.connection.total_changes == before
    assert told == finish(rewrite(ledger.file, written, "main", asked(BODIES, 4)))
    assert told == Rewritten(3, told.freed_bytes)


def test_what_cannot_be_is_refused_whole(ledger: Ledger, written: SessionId) -> None:
    """A row that is not there, a log that went on, a history without its base."""
    ledger.put_checkpoint(written, checkpoint(4))
    for number in [one.id for one in ledger.quarantined(written) if one.seq is not None]:
        ledger.release(number)
    finish(ledger.compact(written, "main", Asked(4)))
    before = finish(annals.chronicle(ledger.file, written, "main", None))
    for wrong, error in (
        (asked({7: b"-", 6: b"-", 5: b"-"}, 4, 6), LocalProtocolError),
        (asked({7: b"-"}, 6), LocalProtocolError),
        (asked({7: b"-"}, 4, 8), LocalProtocolError),
        (replace(asked({7: b"-"}, 4, 6), upto=6), Conflict),
    ):
        with pytest.raises(error):
            finish(rewrite(ledger.file, written, "main", wrong))
    with pytest.raises(LocalProtocolError, match="no document"):
        finish(rewrite(ledger.file, written, "none", asked({})))
    assert finish(annals.chronicle(ledger.file, written, "main", None)) == before
    finish(rewrite(ledger.file, written, "main", asked({7: b"-"}, 4, 6)))
    told = finish(annals.chronicle(ledger.file, written, "main", None))
    assert (told.base, told.floor) == (replace(checkpoint(4), body=b"new up to 4"), 4)


def test_damage_is_not_made_good(ledger: Ledger, written: SessionId) -> None:
    """A row that does not verify is not sealed anew."""
    ledger.file.settle()
    ledger.file.connection.execute("UPDATE log SET seen = 9 WHERE place & 15 = 4")
    with pytest.raises(Corrupt, match="row 4"):
        finish(rewrite(ledger.file, written, "main", asked(BODIES, 4)))


def test_it_is_one_transaction(path: str) -> None:
    """Cut off before it is over, nothing of it is there; afterwards all of it."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        session = ledger.create_session("notes", "default", "single", ADA).id
        ledger.write([(session, [secret(1), secret(2)])])
        work = rewrite(ledger.file, session, "main", replace(asked({1: b"-", 2: b"-"}), upto=2))
        seen = []
        for _ in work:
            with Reader(path) as reader:
                seen.append({row.body for row in reader.rows(session)})
        assert seen[0] == {secret(1).body, secret(2).body}
        assert seen[-1] == {b"-"}
        assert all(len({body[:1] for body in bodies}) == 1 for bodies in seen)
