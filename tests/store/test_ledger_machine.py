"""A ledger beside a model of it that is a few lists: whatever is done, they never differ."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collabkit.ids import SessionId
from collabkit.store.base import Checkpoint, Draft, Row
from collabkit.store.compaction import Asked
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, checkpoint, placed
from store.processes import finish

DOCUMENTS = ("main", "other")

kinds = st.sampled_from(["update", "update", "version.named"])
drafts = st.builds(
    lambda body, document, kind: Draft(document, ADA, body, 0, kind=kind),
    st.binary(max_size=50),
    st.sampled_from(DOCUMENTS),
    kinds,
)
writes = st.lists(st.tuples(st.integers(0, 1), st.lists(drafts, max_size=4)), max_size=5)
which = st.integers(0, 1)


@dataclass
class Model:
    """What a session must be."""

    rows: list[Row] = field(default_factory=list)
    last_seq: int = 0
    checkpoints: dict[str, list[Checkpoint]] = field(default_factory=dict)

    def of(self, document: str) -> list[Row]:
        """The rows of one document."""
        return [row for row in self.rows if row.document == document]


class LedgerMachine(RuleBasedStateMachine):
    """Appends, moves, checkpoints, compactions, deletions and openings in any order."""

    @initialize()
    def create(self) -> None:
        """Begin with two sessions."""
        self.folder = tempfile.TemporaryDirectory()
        self.path = f"{self.folder.name}/test.db"
        self.ledger = Ledger(self.path, durability="stored", create=True)
        self.ids: list[SessionId] = []
        self.models: list[Model] = []
        for name in ("a", "b"):
            self.ids.append(self.ledger.create_session(name, "default", "single", ADA).id)
            self.models.append(Model())

    @rule(writes=writes)
    def write(self, writes: list[tuple[int, list[Draft]]]) -> None:
        """Append to both sessions in one transaction."""
        outcomes = self.ledger.write([(self.ids[number], drafts) for number, drafts in writes])
        for (number, drafts), outcome in zip(writes, outcomes, strict=True):
            model = self.models[number]
            expected = list(range(model.last_seq + 1, model.last_seq + len(drafts) + 1))
            assert outcome == expected
            model.rows += [placed(one, seq) for one, seq in zip(drafts, expected, strict=True)]
            model.last_seq += len(drafts)

    @rule()
    def settle(self) -> None:
        """Move what is in `hot`."""
        self.ledger.file.settle()

    @rule(
        number=which,
        document=st.sampled_from(DOCUMENTS),
        back=st.integers(0, 3),
        times=st.integers(1, 2),
    )
    def keep(self, number: int, document: str, back: int, times: int) -> None:
        """Keep a checkpoint near the end of a session, perhaps twice."""
        model = self.models[number]
        seq = model.last_seq - back
        if seq < 1 or not (model.of(document) or document in self.documents(number)):
            return
        kept = model.checkpoints.setdefault(document, [])
        made = checkpoint(seq, document)
        for _ in range(times):
            self.ledger.put_checkpoint(self.ids[number], made)
            # Of equals the later one is the newer.
            kept.append(made)
            kept.sort(key=lambda one: one.seq)
            del kept[:-2]

    @rule(number=which, document=st.sampled_from(DOCUMENTS))
    def compact(self, number: int, document: str) -> None:
        """Remove what two checkpoints hold."""
        model = self.models[number]
        kept = model.checkpoints.get(document, [])
        if len(kept) < 2:
            return
        upto = kept[0].seq
        going = [row for row in model.of(document) if row.seq <= upto and row.kind == "update"]
        assert finish(self.ledger.compact(self.ids[number], document, Asked(upto))).rows == len(
            going
        )
        model.rows = [row for row in model.rows if row not in going]

    @rule(number=which)
    def delete(self, number: int) -> None:
        """Delete a session, and make another of its name."""
        finish(self.ledger.delete_session(self.ids[number]))
        self.ids[number] = self.ledger.create_session("ab"[number], "default", "single", ADA).id
        self.models[number] = Model()

    @rule(begun=st.booleans())
    def open_again(self, begun: bool) -> None:
        """Close the file and open it, perhaps in the middle of a deletion."""
        if begun:
            next(self.ledger.delete_session(self.ids[1]))
            self.models[1] = Model()
        self.ledger.close()
        self.ledger = Ledger(self.path, durability="stored", create=False)
        if begun:
            self.ids[1] = self.ledger.create_session("b", "default", "single", ADA).id

    def documents(self, number: int) -> tuple[str, ...]:
        """The documents that a session has."""
        return self.ledger.find_session("ab"[number], "default").documents

    @invariant()
    def the_log_is_the_model(self) -> None:
        """All rows of all documents, and each document by itself, for holder and reader."""
        with Reader(self.path) as reader:
            for session, model in zip(self.ids, self.models, strict=True):
                everything = finish(self.ledger.rows(session, after=0, document=None, limit=1000))
                assert everything == model.rows == reader.rows(session)
                for document in self.ledger.file.directory.get(session).documents:
                    base = [int(one.seq) for one in model.checkpoints.get(document, [])][-1:]
                    loaded = finish(self.ledger.load(session, document))
                    assert loaded == reader.load(session, document)
                    assert [one.seq for one in [loaded.checkpoint] if one] == base
                    assert list(loaded.rows) == [
                        row for row in model.of(document) if row.seq > (base or [0])[0]
                    ]

    @invariant()
    def nothing_is_damaged(self) -> None:
        """Whoever verifies the file finds nothing."""
        with Reader(self.path) as reader:
            assert list(reader.verify()) == []
            assert reader.info().rows == sum(len(model.rows) for model in self.models)

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.folder.cleanup()


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=20, stateful_step_count=25)
