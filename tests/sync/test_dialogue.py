"""What a replica says to a relay over one link, and what it makes of the answers."""

from __future__ import annotations

import pytest

from collabkit.crdt.lib0 import var_string, var_uint
from collabkit.crdt.splitting import split
from collabkit.errors import (
    BadFrame,
    MalformedBytes,
    OtherLineage,
    UpdateRefused,
)
from collabkit.sync import client_effects as do
from collabkit.sync import client_events as on
from collabkit.sync import messages as say
from collabkit.sync.client_effects import Dialect, Status
from collabkit.sync.dialogue import PIECE
from collabkit.sync.packing import pack
from collabkit.sync.tally import Standing
from sync.talk import CALL, DIFFERENCE, EMPTY, ONE, TWO, WELCOME, Talk, only


def sent(effects: list[do.Effect]) -> list[do.Effect]:
    """What is sent, and what the document is compared with for it."""
    return [effect for effect in effects if isinstance(effect, do.Send | do.Compare)]


# The way to LIVE


def test_our_dialect() -> None:
    """Welcome, Resume, rows, Synced, SyncStep1: then it is live."""
    talk = Talk()
    assert talk.dial() == [do.Changed(Status.GREETING)]
    assert talk.hear(WELCOME)[0] == do.Introduce("L1", 0)
    assert talk.hear(say.Row(4, b"u"))[0] == do.Integrate(b"u", 4, whole=True)
    assert do.Changed(Status.LIVE) not in talk.hear(say.Synced(5))
    assert do.Changed(Status.LIVE) in talk.tell(on.Asked(EMPTY, EMPTY))
    assert talk.exchange.position.standing == Standing("L1", 5, 0, 0)


def test_plain_server() -> None:
    """A server that does not select our subprotocol is asked as y-websocket does."""
    talk = Talk()
    assert talk.go_plain() == [do.Inquire(), do.Share(), do.Changed(Status.SYNCING)]
    assert talk.status is Status.LIVE


@pytest.mark.parametrize("first", [say.SyncStep2(b"\x00\x00"), say.Awareness(b"\x00")])
def test_selection_is_no_promise(first: say.Message) -> None:
    """A server that selected our subprotocol and does not greet speaks y-websocket."""
    talk = Talk()
    talk.dial(offered=True)
    assert do.Inquire() in talk.hear(first)
    assert talk.exchange.dialect is Dialect.YWEBSOCKET


def test_asking_first_is_no_greeting() -> None:
    """A y-websocket server that speaks first is answered and asked."""
    talk = Talk()
    talk.dial(offered=True)
    effects = talk.tell(on.Asked(ONE, EMPTY))
    assert do.Inquire() in effects
    assert do.Compare(ONE) in effects
    assert do.Send(say.SyncStep2(DIFFERENCE)) in effects


def test_resume_tells_cursor() -> None:
    """What was seen in an earlier life is not asked for again."""
    talk = Talk(Standing("L1", 3, 0, 0))
    talk.dial()
    assert do.Introduce("L1", 3) in talk.hear(WELCOME)


# Edits


def test_live_edit_is_sent_at_once() -> None:
    """Each edit of a live replica leaves as one Edit that says what its author had seen."""
    talk = Talk()
    talk.go_live()
    assert talk.tell(on.Edited(b"u", "g")) == [do.Send(say.Edit(5, "g", b"u"))]
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0
    assert talk.exchange.position.standing.cursor == 6


def test_offline_edits_leave_as_one() -> None:
    """Edits made offline leave as one difference, and one Ack is for all of them."""
    talk = Talk(Standing("L1", 5, 0, 0))
    for _ in range(3):
        assert talk.tell(on.Edited(b"u")) == []
    effects = talk.go_live(ours=ONE)
    assert sent(effects) == [do.Compare(ONE), do.Send(say.Edit(5, "", DIFFERENCE))]
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0


def test_edits_while_greeting_wait() -> None:
    """An edit made before the relay has told its vector leaves with the difference."""
    talk = Talk(Standing("L1", 5, 1, 0))
    talk.dial()
    assert talk.tell(on.Edited(b"u")) == []
    talk.hear(WELCOME)
    assert talk.tell(on.Edited(b"u")) == []
    talk.hear(say.Synced(5))
    assert talk.tell(on.Edited(b"u")) == []
    assert do.Compare(ONE) in talk.tell(on.Asked(ONE, ONE))
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0


def test_nothing_to_say() -> None:
    """A replica that has nothing which the relay lacks sends no difference."""
    talk = Talk(Standing("L1", 5, 2, 2))
    assert only(talk.go_live(ours=TWO), do.Compare) == []


def test_relay_that_lacks_something() -> None:
    """What the relay lacks is sent even if it was acknowledged once."""
    talk = Talk(Standing("L1", 5, 2, 2))
    talk.dial()
    talk.hear(WELCOME)
    talk.hear(say.Synced(5))
    assert do.Compare(ONE) in talk.tell(on.Asked(ONE, TWO))
    assert talk.exchange.tally.pending == 1
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0


def test_older_backup() -> None:
    """A relay whose log ends before what was seen of it gets all, and is asked for all."""
    talk = Talk(Standing("L1", 9, 2, 2))
    talk.dial()
    assert do.Introduce("L1", 0) in talk.hear(WELCOME)
    talk.hear(say.Synced(5))
    assert only(talk.tell(on.Asked(TWO, TWO)), do.Compare)
    assert talk.exchange.tally.pending == 1
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0


def test_first_contact_counts_until_acknowledged() -> None:
    """What a document had before its first relay is pending until acknowledged, come what may."""
    talk = Talk()
    talk.go_live(ours=ONE)
    talk.lose()
    assert talk.exchange.tally.pending == 1
    assert only(talk.go_live(ours=ONE), do.Compare)


def test_first_contact_of_an_empty_document() -> None:
    """An empty document has nothing to say to its first relay."""
    talk = Talk()
    assert only(talk.go_live(), do.Compare) == []
    assert talk.exchange.tally.pending == 0


def test_hole_is_asked_for_once() -> None:
    """If the relay has structs that its rows did not bring, they are asked for, once a link."""
    talk = Talk(Standing("L1", 5, 0, 0))
    talk.dial()
    talk.hear(WELCOME)
    talk.hear(say.Synced(5))
    assert do.Inquire() in talk.tell(on.Asked(TWO, ONE))
    assert do.Inquire() not in talk.tell(on.Asked(TWO, ONE))
    assert do.Integrate(b"u", whole=True) in talk.hear(say.SyncStep2(b"u"))


def test_gap_of_a_row() -> None:
    """If a row builds on what is not here, the cursor was wrong: the log is read from its start."""
    talk = Talk(Standing("L1", 5, 0, 0))
    talk.dial()
    talk.hear(WELCOME)
    assert talk.hear(say.Row(6, b"u"))[0] == do.Integrate(b"u", 6, whole=True)
    [hang_up] = talk.tell(on.Gapped(6))
    assert isinstance(hang_up, do.HangUp)
    talk.lose(hang_up.code)
    talk.dial()
    assert do.Introduce("L1", 0) in talk.hear(WELCOME)


def test_gap_of_an_update() -> None:
    """Of a y-websocket server what is missing is asked for, once until it has come."""
    talk = Talk()
    talk.go_plain()
    assert talk.hear(say.Update(b"u")) == [do.Integrate(b"u")]
    assert talk.tell(on.Gapped(0)) == [do.Inquire()]
    assert talk.tell(on.Gapped(0)) == []
    talk.hear(say.SyncStep2(b"v"))
    assert talk.tell(on.Gapped(0)) == [do.Inquire()]


def test_ack_does_not_jump_over_rows() -> None:
    """An Ack moves the cursor only next to it: rows before it may yet have to come again."""
    talk = Talk()
    talk.go_live()
    talk.tell(on.Edited(b"u"))
    talk.hear(say.Ack(9))
    assert talk.exchange.position.standing.cursor == 5


def test_refused_edit() -> None:
    """A refused edit is told, and stays pending."""
    talk = Talk()
    talk.go_live()
    talk.tell(on.Edited(b"u"))
    [failed] = talk.hear(say.Refused("banned", "no"))
    assert isinstance(failed, do.Failed)
    assert isinstance(failed.error, UpdateRefused)
    assert talk.exchange.tally.pending == 1
    assert talk.status is Status.LIVE


def test_asked_again() -> None:
    """A relay that asks again gets one difference for all that is pending."""
    talk = Talk()
    talk.go_live()
    talk.tell(on.Edited(b"u"))
    assert only(talk.tell(on.Asked(EMPTY, ONE)), do.Compare) == [do.Compare(EMPTY)]


def test_reader() -> None:
    """A replica that may not write sends no edit, and keeps what it made before."""
    talk = Talk()
    talk.tell(on.Edited(b"u"))
    effects = talk.go_live(say.Welcome(1, "L1", "user:ada", False, 5), ours=ONE)
    assert only(effects, do.Compare) == []
    assert talk.tell(on.Edited(b"u")) == []
    assert talk.exchange.tally.pending == 2
    assert talk.status is Status.LIVE


def test_plain_edits() -> None:
    """To a y-websocket server edits are Updates, and nothing is owed for them."""
    talk = Talk()
    talk.tell(on.Edited(b"u"))
    talk.go_plain()
    assert talk.exchange.tally.pending == 0
    assert talk.tell(on.Edited(b"u")) == [do.Send(say.Update(b"u"))]
    assert talk.exchange.tally.pending == 0


def test_clogged_link() -> None:
    """While a link is clogged edits only count; when it has drained, one difference has all."""
    talk = Talk()
    talk.go_live()
    assert talk.tell(on.Clogged(ONE)) == []
    assert talk.tell(on.Edited(b"u", "")) == []
    assert talk.tell(on.Edited(b"u", "")) == []
    effects = talk.tell(on.Drained())
    assert effects == [do.Share(), do.Compare(ONE), do.Send(say.Edit(5, "", DIFFERENCE))]
    assert talk.tell(on.Drained()) == []
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0


def test_clog_after_a_long_session() -> None:
    """What was acknowledged since the link began is not sent again when it was clogged."""
    talk = Talk()
    talk.go_live()
    talk.tell(on.Edited(b"u", ""))
    talk.tell(on.Edited(b"u", ""))
    talk.tell(on.Clogged(TWO))
    talk.tell(on.Edited(b"u", ""))
    assert talk.tell(on.Drained()) == [do.Share()]
    assert sent(talk.hear(say.Ack(6))) == []
    assert do.Compare(TWO) in talk.hear(say.Ack(7))


def test_clog_and_a_refusal() -> None:
    """Unless everything was acknowledged, the difference is the one to what is known."""
    talk = Talk()
    talk.go_live()
    talk.tell(on.Edited(b"u", ""))
    talk.tell(on.Clogged(TWO))
    talk.tell(on.Edited(b"u", ""))
    talk.tell(on.Drained())
    assert do.Compare(EMPTY) in talk.hear(say.Refused("no", ""))


def test_refused_difference() -> None:
    """A difference that was refused tells nothing of what the relay has."""
    talk = Talk(Standing("L1", 5, 1, 0))
    talk.ours = ONE
    talk.go_live()
    talk.hear(say.Refused("no", ""))
    talk.tell(on.Clogged(TWO))
    talk.tell(on.Edited(b"u", ""))
    assert do.Compare(EMPTY) in talk.tell(on.Drained())


# Pieces


def large(pieces: int) -> bytes:
    """An update that leaves in so many pieces: it names more roots than one may."""
    names = map(str, range(pieces * PIECE.roots))
    structs = [b"\x04\x01" + var_string(name) + b"\x01x" for name in names]
    return b"\x01" + var_uint(len(structs)) + b"\x07\x00" + b"".join(structs) + b"\x00"


def edits(effects: list[do.Effect]) -> list[bytes]:
    """The updates that leave."""
    messages = [effect.message for effect in effects if isinstance(effect, do.Send)]
    return [message.update for message in messages if isinstance(message, say.Edit)]


def test_large_difference() -> None:
    """A difference that is too large leaves in pieces, each when the one before is stored."""
    talk = Talk(Standing("L1", 5, 2, 0))
    talk.difference = large(3)
    pieces = edits(talk.go_live())
    for seq in (6, 7):
        assert talk.exchange.tally.pending == 2
        pieces += edits(talk.hear(say.Ack(seq)))
    assert pieces == split(talk.difference, PIECE)
    assert len(pieces) == 3
    assert talk.exchange.tally.pending == 2
    talk.hear(say.Ack(8))
    assert talk.exchange.tally.pending == 0


def test_edits_between_pieces() -> None:
    """What is edited between two pieces waits, and leaves with the next difference."""
    talk = Talk(Standing("L1", 5, 1, 0))
    talk.difference, talk.ours = large(2), ONE
    talk.go_live()
    assert talk.tell(on.Edited(b"u", "")) == []
    assert edits(talk.hear(say.Ack(6))) == split(talk.difference, PIECE)[1:]
    assert talk.tell(on.Edited(b"u", "")) == []
    talk.difference = DIFFERENCE
    effects = sent(talk.hear(say.Ack(7)))
    assert effects == [do.Compare(ONE), do.Send(say.Edit(7, "", DIFFERENCE))]
    assert talk.exchange.tally.pending == 2
    talk.hear(say.Ack(8))
    assert talk.exchange.tally.pending == 0


def test_refused_piece() -> None:
    """If a piece is refused the rest stays here, since it builds on it, and all is pending."""
    talk = Talk(Standing("L1", 5, 1, 0))
    talk.difference = large(3)
    talk.go_live()
    [failed] = talk.hear(say.Refused("no", ""))
    assert isinstance(failed, do.Failed)
    assert talk.exchange.tally.pending == 1
    assert talk.tell(on.Edited(b"u", "")) == [do.Send(say.Edit(5, "", b"u"))]


def test_asked_between_pieces() -> None:
    """A relay that asks again gets a new difference, to what it has now, in place of the rest."""
    talk = Talk(Standing("L1", 5, 1, 0))
    talk.difference = large(2)
    talk.go_live()
    talk.difference = DIFFERENCE
    effects = sent(talk.tell(on.Asked(ONE, TWO)))
    assert effects == [do.Compare(ONE), do.Send(say.Edit(5, "", DIFFERENCE))]
    assert edits(talk.hear(say.Ack(6))) == []
    assert talk.exchange.tally.pending == 1
    talk.hear(say.Ack(7))
    assert talk.exchange.tally.pending == 0


def test_piece_behind_an_edit() -> None:
    """A piece waits for the answer to the piece before, not only to what came before that."""
    talk = Talk()
    talk.go_live()
    talk.tell(on.Edited(b"u", ""))
    update = large(2)
    first, second = split(update, PIECE)
    assert edits(talk.tell(on.Edited(update, ""))) == [first]
    assert edits(talk.hear(say.Ack(6))) == []
    assert edits(talk.hear(say.Ack(7))) == [second]


def test_large_edit() -> None:
    """A single edit that is too large leaves in pieces of its group, and one number is for all."""
    talk = Talk()
    talk.go_live()
    update = large(2)
    first, second = (say.Edit(5, "g", piece) for piece in split(update, PIECE))
    assert talk.tell(on.Edited(update, "g")) == [do.Send(first)]
    assert do.Send(second) in talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 1
    talk.hear(say.Ack(7))
    assert talk.exchange.tally.pending == 0


def test_large_difference_on_a_plain_link() -> None:
    """A y-websocket server, which acknowledges nothing, gets all pieces, the answer last."""
    talk = Talk()
    talk.difference = large(2)
    talk.dial(offered=False)
    first, second = split(talk.difference, PIECE)
    effects = talk.tell(on.Asked(EMPTY, EMPTY))
    assert only(effects, do.Send) == [do.Send(say.Update(first)), do.Send(say.SyncStep2(second))]


# Calls


def test_call_waits_for_pieces() -> None:
    """A call leaves behind all pieces of the edits before it."""
    talk = Talk()
    talk.go_live()
    talk.tell(on.Edited(large(3), ""))
    assert talk.tell(on.Called(CALL)) == []
    assert do.Send(CALL) not in talk.hear(say.Ack(6))
    assert sent(talk.hear(say.Ack(7)))[1:] == [do.Send(CALL)]
    assert sent(talk.hear(say.Ack(8))) == []


def test_call_waits_for_a_clogged_link() -> None:
    """A call that is made while the link is clogged leaves behind the edits that wait."""
    talk = Talk()
    talk.go_live()
    talk.tell(on.Clogged(EMPTY))
    talk.tell(on.Edited(b"u", ""))
    assert talk.tell(on.Called(CALL)) == []
    assert sent(talk.tell(on.Drained()))[-1] == do.Send(CALL)


def test_reader_calls() -> None:
    """Who may not write may call, whatever is pending here."""
    talk = Talk()
    talk.tell(on.Edited(b"u", ""))
    talk.go_live(say.Welcome(1, "L1", "user:ada", False, 5), ours=ONE)
    assert talk.tell(on.Called(CALL)) == [do.Send(CALL)]


def test_call_waits_for_live() -> None:
    """A call waits until edits made before it have left, and is sent again after a loss."""
    talk = Talk()
    assert talk.tell(on.Called(CALL)) == []
    assert do.Send(CALL) in talk.go_live()
    talk.lose()
    assert do.Send(CALL) in talk.go_live()
    result = say.Result(1, True, "", b"[]")
    assert talk.hear(result) == [do.Replied(result)]
    assert talk.hear(result) == []


def test_plain_server_has_no_operations() -> None:
    """A y-websocket server is not called: the call fails here."""
    talk = Talk()
    talk.go_plain()
    [replied] = talk.tell(on.Called(CALL))
    assert isinstance(replied, do.Replied)
    assert replied.result.kind == "UnknownOperation"


# Presence


def test_presence_is_introduced_and_asked_for() -> None:
    """One's own presence follows Resume, and is told again when asked for."""
    talk = Talk()
    talk.dial()
    assert do.Share() in talk.hear(WELCOME)
    assert talk.hear(say.QueryAwareness()) == [do.Share()]
    assert talk.hear(say.Awareness(b"a")) == [do.MeetOthers(b"a")]


# Ends


def test_other_lineage() -> None:
    """Another document of the same name is never merged: nothing is said, nothing is taken."""
    talk = Talk(Standing("L0", 3, 1, 0))
    talk.dial()
    effects = talk.hear(WELCOME)
    assert only(effects, do.Introduce) == []
    [failed] = only(effects, do.Failed)
    assert isinstance(failed, do.Failed)
    assert isinstance(failed.error, OtherLineage)
    assert talk.hear(say.Row(1, b"u")) == []
    assert talk.exchange.position.standing == Standing("L0", 3, 1, 0)


@pytest.mark.parametrize(
    "message",
    [say.Ack(1), say.Refused("x", "y"), say.Resume("", 0, b""), say.Edit(0, "", b""), WELCOME],
)
def test_what_does_not_belong(message: say.Message) -> None:
    """A relay that breaks the dialect is left for good."""
    talk = Talk()
    talk.go_live()
    effects = talk.hear(message)
    [failed] = only(effects, do.Failed)
    assert isinstance(failed, do.Failed)
    assert isinstance(failed.error, BadFrame)
    assert effects[0] == do.HangUp(1002, "")


@pytest.mark.parametrize("offered", [True, False])
def test_vector_that_is_none(*, offered: bool) -> None:
    """A server that asks with what is no state vector is left for good, whatever it speaks."""
    talk = Talk()
    talk.dial(offered=offered)
    [failed] = only(talk.tell(on.Asked(b"\xff", EMPTY)), do.Failed)
    assert isinstance(failed, do.Failed)
    assert isinstance(failed.error, MalformedBytes)


def test_later_protocol() -> None:
    """A relay of a protocol version that is not known is left."""
    talk = Talk()
    talk.dial()
    assert only(talk.hear(say.Welcome(4, "L1", "s", True, 0)), do.Failed)


# Epochs and digests


def test_risen_epoch() -> None:
    """A log that may have lost rows is read from its beginning, and gets all there is here."""
    talk = Talk(Standing("L1", 5, 2, 2, epoch=7))
    talk.dial()
    assert do.Introduce("L1", 0) in talk.hear(say.Welcome(2, "L1", "s", True, 5, 8))
    talk.hear(say.Synced(5))
    assert only(talk.tell(on.Asked(TWO, TWO)), do.Compare)
    assert talk.exchange.tally.pending == 1
    talk.hear(say.Ack(0))
    assert talk.exchange.position.standing == Standing("L1", 5, 3, 3, epoch=8)


def test_risen_epoch_counts_until_all_is_told() -> None:
    """Who loses the link in between begins again."""
    talk = Talk(Standing("L1", 5, 2, 2, epoch=7))
    talk.dial()
    welcome = say.Welcome(2, "L1", "s", True, 5, 8)
    talk.hear(welcome)
    assert talk.exchange.position.standing.epoch == 0
    talk.lose()
    talk.dial()
    talk.hear(welcome)
    talk.hear(say.Synced(5))
    assert only(talk.tell(on.Asked(TWO, TWO)), do.Compare)


def test_same_epoch() -> None:
    """Where nothing was lost a replica goes on from its row, and sends nothing."""
    talk = Talk(Standing("L1", 5, 2, 2, epoch=7))
    assert only(talk.go_live(say.Welcome(2, "L1", "s", True, 5, 7), ours=TWO), do.Compare) == []
    assert do.Introduce("L1", 5) not in talk.hear(say.Synced(5))


def test_packed_row() -> None:
    """A row that comes packed is a row."""
    talk = Talk()
    talk.go_live()
    packed = pack(say.Row(6, bytes(100_000)))
    assert packed is not None
    assert talk.hear(packed)[0] == do.Integrate(bytes(100_000), 6, whole=True)
    assert talk.exchange.position.standing.cursor == 6


def test_digest_that_is_ours() -> None:
    """Equal content is no news."""
    talk = Talk()
    talk.go_live()
    digest = say.Digest(5, "theirs")
    assert talk.hear(digest) == [do.Check(digest)]
    assert talk.tell(on.Checked(digest, "theirs")) == []


def test_digest_that_is_not_ours() -> None:
    """Other content is told to the relay, and this copy is not opened again."""
    talk = Talk()
    talk.go_live()
    digest = say.Digest(5, "theirs")
    said = [do.Send(say.Digest(5, "ours")), do.Diverged()]
    assert talk.tell(on.Checked(digest, "ours")) == said


def test_digest_that_cannot_be_compared() -> None:
    """With an edit on its way the content must differ; so it may before all is here."""
    talk = Talk()
    talk.dial()
    talk.hear(say.Welcome(2, "L1", "s", True, 5))
    assert talk.hear(say.Digest(5, "theirs")) == []
    talk.hear(say.Synced(5))
    talk.tell(on.Asked(EMPTY, EMPTY))
    talk.tell(on.Edited(b"u"))
    assert talk.hear(say.Digest(5, "theirs")) == []
    talk.hear(say.Ack(6))
    assert talk.hear(say.Digest(6, "theirs")) == [do.Check(say.Digest(6, "theirs"))]


# Rights


def test_a_receipt_is_told() -> None:
    """What was not taken of an edit, before its Ack."""
    talk = Talk()
    talk.go_live()
    talk.tell(on.Edited(b"u", ""))
    body = b'{"code": "no-match", "items": [{"action": "write", "path": "/a", "draft": 1}]}'
    [told] = talk.hear(say.Receipt(body))
    assert isinstance(told, do.NotTaken)
    assert told.receipt.copy() == {"/a": 1}
    assert talk.exchange.tally.pending == 1


def test_who_may_not_write_any_more_sends_nothing() -> None:
    """Until he may again: then all that is pending leaves as one difference."""
    talk = Talk()
    talk.go_live()
    assert talk.hear(say.Standing(False, "over")) == [do.Qualified("over")]
    assert talk.tell(on.Edited(b"u", "")) == []
    effects = talk.hear(say.Standing(True, "again"))
    assert effects[0] == do.Qualified("again")
    assert sent(effects)[-1] == do.Send(say.Edit(5, "", DIFFERENCE))


def test_another_token_is_shown_where_there_is_a_word_for_it() -> None:
    """From version 3 of our dialect on; elsewhere the next link shows it."""
    for version, told in ((3, [do.Send(say.Refresh("t"))]), (2, [])):
        talk = Talk()
        assert talk.tell(on.Renewed("t")) == []
        talk.dial()
        talk.hear(say.Welcome(version, "L1", "s", True, 5))
        assert talk.tell(on.Renewed("t")) == told
