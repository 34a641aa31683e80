"""What every implementation of a seam must hold, as classes of tests.

To run one against an implementation, inherit from it in a test module and give it the
fixture it names::

    class TestMyEngine(EngineContract):
        @pytest.fixture
        async def engine(self):
            async with MyEngine() as engine:
                yield engine
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..crdt.document import Document
from ..crdt.engine import Bad, Contested, Engine, Gap, Good, Mended, NothingNew
from ..crdt.places import Places
from ..errors import CollabError, EngineLost, MalformedBytes, UpdateRefused

__all__ = ["EngineContract"]

E = TypeVar("E", bound=CollabError)

KEY = ("session", "main")
OTHER = ("session", "other")

# Client 1 writes "a" into the root `t`; client 3 writes "x" beside it, and then "b" *into*
# that first "a", which is a string and no shared type. Well formed, and impossible.
FIRST = bytes.fromhex("0101010004010174016100")
IMPOSSIBLE = bytes.fromhex("01020300840100017804000100016200")


class EngineContract:
    """What :class:`collabkit.crdt.engine.Engine` promises. Needs the fixture ``engine``."""

    async def test_a_new_document_is_empty(self, engine: Engine) -> None:
        """Opened without updates, a document has an empty vector and nothing to send."""
        assert await engine.open(KEY, []) == {}
        assert content(await engine.diff(KEY, b"\0")) == {}

    async def test_good_edits_are_applied_in_order(self, engine: Engine) -> None:
        """Each new edit is good, and a difference holds them all."""
        _document, edits = typed("hello")
        await engine.open(KEY, [])
        assert await engine.taste(KEY, edits) == [Good()] * 5
        assert content(await engine.diff(KEY, b"\0")) == {"body": "hello"}

    async def test_opening_tells_how_far_the_document_got(self, engine: Engine) -> None:
        """The state vector of an opened document counts all of its updates."""
        document, edits = typed("hello")
        assert await engine.open(KEY, edits) == {document.client_id: 5}

    async def test_many_documents_are_tasted_in_one_trip(self, engine: Engine) -> None:
        """Each has its own verdicts, and one that is not held is told in its place."""
        _, edits = typed("hello")
        await engine.open(KEY, [])
        told = await engine.taste_all([(("nobody", "opened"), edits), (KEY, edits)])
        assert isinstance(told[0], EngineLost)
        assert told[1] == [Good()] * 5

    async def test_what_is_known_brings_nothing_new(self, engine: Engine) -> None:
        """Edits and deletions that the document has already are told apart from new ones."""
        document, edits = typed("hello")
        document.text("body").delete(0, 2)
        await engine.open(KEY, edits[:4])
        assert await engine.taste(KEY, [*edits, document.update()]) == [
            *[NothingNew()] * 4,
            *[Good()] * 2,
            NothingNew(),
        ]

    async def test_an_empty_update_brings_nothing_new(self, engine: Engine) -> None:
        """What an up-to-date client answers is fine, and makes no row."""
        await engine.open(KEY, [])
        assert await engine.taste(KEY, [b"\0\0"]) == [NothingNew()]

    async def test_a_gap_is_not_applied(self, engine: Engine) -> None:
        """An edit that builds on a missing one waits nowhere, and is good once that one came."""
        _document, edits = typed("abc")
        await engine.open(KEY, edits[:1])
        assert await engine.taste(KEY, [edits[2]]) == [Gap()]
        assert content(await engine.diff(KEY, b"\0")) == {"body": "a"}
        assert await engine.taste(KEY, [edits[1], edits[2]]) == [Good()] * 2
        assert content(await engine.diff(KEY, b"\0")) == {"body": "abc"}

    async def test_a_deletion_of_what_is_unknown_is_a_gap(self, engine: Engine) -> None:
        """A deletion does not wait for what it deletes either."""
        document, edits = typed("abc")
        document.text("body").delete(0, 1)
        await engine.open(KEY, [])
        assert await engine.taste(KEY, [edits[3]]) == [Gap()]

    async def test_bad_bytes_change_nothing(self, engine: Engine) -> None:
        """What is no update is bad, says why, and leaves the rest of the call alone."""
        _document, edits = typed("abc")
        await engine.open(KEY, [])
        verdicts = await engine.taste(KEY, [edits[0], b"\1\2\3", b"", edits[1]])
        assert [type(verdict) for verdict in verdicts] == [Good, Bad, Bad, Good]
        assert content(await engine.diff(KEY, b"\0")) == {"body": "ab"}

    async def test_what_is_contested_is_taken_in_parts(self, engine: Engine) -> None:
        """What was refused is in nothing, what it deleted is there again, and the rest is taken.

        Where nothing has to be undone, it is good as it is.
        """
        document, edits = typed("abc")
        await engine.open(KEY, edits)
        with document.edit():
            document.text("body").replace(0, 1, "secret")
            document.map("meta")["done"] = True
        client = document.client_id
        contested = Contested(edits[-1], refused=((client, 3, 6),))
        [mended, again] = await engine.taste(KEY, [contested, contested])
        assert isinstance(mended, Mended)
        assert b"secret" not in mended.update
        assert again == NothingNew()
        document.apply(mended.update)
        full = await engine.diff(KEY, b"\0")
        assert b"secret" not in full
        assert content(full) == document.to_dict() == {"body": "abc", "meta": {"done": True}}
        document.text("body").replace(1, 2, "x")
        contested = Contested(edits[-1], kept=((client, 0, 3),))
        assert await engine.taste(KEY, [contested]) == [Good()]
        assert content(await engine.diff(KEY, b"\0")) == document.to_dict()

    async def test_a_survey_says_where_everything_is(self, engine: Engine) -> None:
        """After all that was tasted before, whether it was there when the document was opened."""
        document, edits = typed("abc")
        document.text("body").delete(0, 1)
        await engine.open(KEY, edits[:2])
        await engine.taste(KEY, edits[2:])
        places = Places.decode(await engine.survey(KEY))
        client = document.client_id
        assert [places.is_dead(client, clock) for clock in range(3)] == [True, False, False]
        with raises(EngineLost):
            await engine.survey(("nobody", "opened"))

    async def test_a_difference_has_what_is_missing_and_all_deletions(self, engine: Engine) -> None:
        """A replica that is told the difference has the same content, deletions included."""
        document, edits = typed("abc")
        there = Document()
        there.apply(document.update())
        document.text("body").replace(0, 2, "x")
        await engine.open(KEY, edits)
        there.apply(await engine.diff(KEY, there.state_vector))
        assert str(there.text("body")) == "xc"

    async def test_a_state_vector_must_be_one(self, engine: Engine) -> None:
        """Bytes that are none are refused, also if they only claim to hold 2**31 clients."""
        _document, edits = typed("abc")
        await engine.open(KEY, edits)
        for vector in (b"\xff\xff", bytes.fromhex("80cab5ee01"), b""):
            with raises(MalformedBytes):
                await engine.diff(KEY, vector)
        assert content(await engine.diff(KEY, b"\0")) == {"body": "abc"}

    async def test_opening_again_replaces(self, engine: Engine) -> None:
        """Opening a key builds its document from these updates and nothing else."""
        _document, edits = typed("abc")
        await engine.open(KEY, edits)
        await engine.open(KEY, edits[:2])
        assert content(await engine.diff(KEY, b"\0")) == {"body": "ab"}

    async def test_a_damaged_log_is_refused(self, engine: Engine) -> None:
        """A log with a hole or rubbish in it raises; it is never read as a smaller document."""
        _document, edits = typed("abc")
        for damaged in ([edits[0], edits[2]], [edits[0], b"\1\2\3"]):
            with raises(UpdateRefused):
                await engine.open(KEY, damaged)

    async def test_a_broken_document_names_its_culprit(self, engine: Engine) -> None:
        """An impossible update loses its document alone, which can be opened again."""
        _document, edits = typed("abc")
        await engine.open(OTHER, edits)
        await engine.open(KEY, [FIRST])
        with raises(EngineLost) as lost:
            await engine.taste(KEY, [FIRST, IMPOSSIBLE])
        assert lost().culprit == 1
        with raises(EngineLost):
            await engine.diff(KEY, b"\0")
        await engine.open(KEY, [FIRST])
        assert content(await engine.diff(KEY, b"\0")) == {"t": "a"}
        assert content(await engine.diff(OTHER, b"\0")) == {"body": "abc"}

    async def test_a_closed_document_is_forgotten(self, engine: Engine) -> None:
        """Using it raises EngineLost, which says to open it; closing twice is fine."""
        await engine.open(KEY, [])
        await engine.close(KEY)
        await engine.close(KEY)
        with raises(EngineLost):
            await engine.taste(KEY, [FIRST])

    async def test_a_checkpoint_loads_to_the_same_content(self, engine: Engine) -> None:
        """It opens to what the updates open to, and carries the digest of that content."""
        document, edits = typed("hello 😀")
        document.text("body").delete(1, 3)
        document.map("meta").update({"tags": ["a", "b"], "count": 3})
        built = await engine.checkpoint(edits)
        loaded = Document()
        loaded.apply(built.body)
        assert loaded.to_dict() == document.to_dict()
        assert built.digest == document.digest() == loaded.digest()
        assert await engine.open(KEY, [built.body]) == await engine.open(KEY, edits)

    async def test_a_checkpoint_of_a_damaged_log_is_not_built(self, engine: Engine) -> None:
        """A hole or an impossible update in the log raises EngineLost."""
        _document, edits = typed("abc")
        for damaged in ([edits[0], edits[2]], [FIRST, IMPOSSIBLE]):
            with raises(EngineLost):
                await engine.checkpoint(damaged)

    async def test_an_examination_finds_who_breaks_an_engine(self, engine: Engine) -> None:
        """It leaves all documents as they were, and finds nobody guilty who is not."""
        _document, edits = typed("abc")
        await engine.open(KEY, edits)
        assert await engine.examine([], edits) == []
        assert await engine.examine(edits[:1], [edits[2], edits[1], b"\1\2\3"]) == []
        deaths = await engine.examine([FIRST], [*edits, IMPOSSIBLE, FIRST])
        assert [death.index for death in deaths] == [len(edits)]
        assert content(await engine.diff(KEY, b"\0")) == {"body": "abc"}


def typed(text: str) -> tuple[Document, list[bytes]]:
    """A document in which a text was typed, and the edits it made, which goes on growing."""
    document = Document()
    edits: list[bytes] = []
    document.on_update(lambda change: edits.append(change.update))
    for character in text:
        document.text("body").append(character)
    return document, edits


def content(update: bytes) -> dict[str, object]:
    """What a new replica shows after this update."""
    document = Document()
    document.apply(update)
    return document.to_dict()


@contextmanager
def raises(expected: type[E]) -> Iterator[Callable[[], E]]:
    """Expect an exception, without asking those who run contracts for a test library."""
    caught: list[E] = []
    try:
        yield lambda: caught[0]
    except expected as error:
        caught.append(error)
    else:
        raise AssertionError(f"{expected.__name__} was not raised")
