"""The client's side of one document, told what happens and asked what it wants."""

from __future__ import annotations

import pytest

from collabkit.crdt.update import encode_state_vector
from collabkit.errors import (
    BadFrame,
    ConnectionRefused,
    MalformedBytes,
    OtherLineage,
    UpdateRefused,
)
from collabkit.sync import client_effects as do
from collabkit.sync import client_events as on
from collabkit.sync import messages as say
from collabkit.sync.client_effects import Dialect, Status
from collabkit.sync.exchange import Exchange
from collabkit.sync.tally import NEWBORN, Standing

EMPTY = encode_state_vector({})
ONE = encode_state_vector({7: 1})
TWO = encode_state_vector({7: 2})
WELCOME = say.Welcome(1, "L1", "user:ada", True, 5)
CALL = say.Call(1, "versions", "key", b"{}")


class Talk:
    """An exchange, and a clock that stands still unless a test moves it."""

    def __init__(self, standing: Standing = NEWBORN, *, renewable: bool = False) -> None:
        self.exchange = Exchange(document="notes", standing=standing, renewable=renewable)
        self.now = 100.0

    def tell(self, event: on.Event) -> list[do.Effect]:
        return self.exchange.handle(event, now=self.now)

    def hear(self, message: say.Message) -> list[do.Effect]:
        return self.tell(on.Received(message))

    def lose(self, code: int = 1006) -> list[do.Effect]:
        return self.tell(on.Lost(code, "", 0.0))

    def dial(self, *, offered: bool = True) -> list[do.Effect]:
        self.tell(on.Dialling())
        return self.tell(on.Opened(offered))

    def go_live(self, welcome: say.Welcome = WELCOME, *, ours: bytes = EMPTY) -> list[do.Effect]:
        self.dial()
        self.hear(welcome)
        self.hear(say.Synced(welcome.seq))
        return self.tell(on.Asked(ours, ours))

    def go_plain(self) -> list[do.Effect]:
        effects = self.dial(offered=False)
        self.tell(on.Asked(EMPTY, EMPTY))
        self.hear(say.SyncStep2(b"\x00\x00"))
        return effects

    @property
    def status(self) -> Status:
        return self.exchange.status


def only(effects: list[do.Effect], kind: type) -> list[do.Effect]:
    return [effect for effect in effects if isinstance(effect, kind)]


# The way to LIVE


def test_start() -> None:
    """It begins by dialling at once."""
    assert Talk().tell(on.Started()) == [do.Dial(0.0)]


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
    assert do.Answer(ONE, say.SyncStep2, 0) in effects


def test_silent_server_is_asked() -> None:
    """A server that says nothing at all is asked after a while, and may still greet."""
    talk = Talk()
    talk.dial(offered=True)
    talk.now = talk.exchange.wake_at or 0.0
    assert do.Inquire() in talk.tell(on.Ticked())
    talk.hear(WELCOME)
    assert talk.exchange.dialect is Dialect.COLLABKIT


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
    assert only(effects, do.Answer) == [do.Answer(ONE, say.Edit, 5)]
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
    assert do.Answer(ONE, say.Edit, 5) in talk.tell(on.Asked(ONE, ONE))
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0


def test_nothing_to_say() -> None:
    """A replica that has nothing which the relay lacks sends no difference."""
    talk = Talk(Standing("L1", 5, 2, 2))
    assert only(talk.go_live(ours=TWO), do.Answer) == []


def test_relay_that_lacks_something() -> None:
    """What the relay lacks is sent even if it was acknowledged once."""
    talk = Talk(Standing("L1", 5, 2, 2))
    talk.dial()
    talk.hear(WELCOME)
    talk.hear(say.Synced(5))
    assert do.Answer(ONE, say.Edit, 5) in talk.tell(on.Asked(ONE, TWO))
    assert talk.exchange.tally.pending == 1
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0


def test_older_backup() -> None:
    """A relay whose log ends before what was seen of it gets all, and is asked for all."""
    talk = Talk(Standing("L1", 9, 2, 2))
    talk.dial()
    assert do.Introduce("L1", 0) in talk.hear(WELCOME)
    talk.hear(say.Synced(5))
    assert only(talk.tell(on.Asked(TWO, TWO)), do.Answer)
    assert talk.exchange.tally.pending == 1
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0


def test_first_contact_counts_until_acknowledged() -> None:
    """What a document had before its first relay is pending until acknowledged, come what may."""
    talk = Talk()
    talk.go_live(ours=ONE)
    talk.lose()
    assert talk.exchange.tally.pending == 1
    assert only(talk.go_live(ours=ONE), do.Answer)


def test_first_contact_of_an_empty_document() -> None:
    """An empty document has nothing to say to its first relay."""
    talk = Talk()
    assert only(talk.go_live(), do.Answer) == []
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
    assert only(talk.tell(on.Asked(EMPTY, ONE)), do.Answer) == [do.Answer(EMPTY, say.Edit, 5)]


def test_reader() -> None:
    """A replica that may not write sends no edit, and keeps what it made before."""
    talk = Talk()
    talk.tell(on.Edited(b"u"))
    effects = talk.go_live(say.Welcome(1, "L1", "user:ada", False, 5), ours=ONE)
    assert only(effects, do.Answer) == []
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
    assert talk.tell(on.Clogged()) == []
    assert talk.tell(on.Edited(b"u")) == []
    assert talk.tell(on.Edited(b"u")) == []
    assert talk.tell(on.Drained()) == [do.Share(), do.Answer(EMPTY, say.Edit, 5)]
    assert talk.tell(on.Drained()) == []
    talk.hear(say.Ack(6))
    assert talk.exchange.tally.pending == 0


# Calls


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


def test_forgotten_call() -> None:
    """A call that nobody waits for is not sent again."""
    talk = Talk()
    talk.tell(on.Called(CALL))
    talk.tell(on.Forgotten(1))
    assert only(talk.go_live(), do.Send) == []


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


def test_presence_ends_with_the_link() -> None:
    """The others are out of sight when the link is lost."""
    talk = Talk()
    talk.go_live()
    assert do.MeetOthers(None) in talk.lose()


def test_breath() -> None:
    """Presence is renewed each 15 s, and a silent y-websocket server is asked something."""
    talk = Talk()
    talk.go_plain()
    talk.now += 15.0
    assert talk.tell(on.Ticked()) == [do.Share(anew=True), do.Inquire()]
    assert talk.tell(on.Ticked()) == []


def test_silence() -> None:
    """Half a minute of silence ends the link, and a new one is tried."""
    talk = Talk()
    talk.go_live()
    talk.now += 30.0
    assert talk.tell(on.Ticked()) == [do.HangUp(1001, "no sign of life")]
    assert only(talk.lose(1001), do.Dial)


# Ends


def test_loss_is_retried_later_and_later() -> None:
    """Waits double while links fail, and start again after one that came to life."""
    talk = Talk()
    waits = [only(talk.lose(), do.Dial) for _ in range(3)]
    assert waits == [[do.Dial(0.1)], [do.Dial(0.2)], [do.Dial(0.4)]]
    talk.go_live()
    assert do.Dial(0.1) in talk.lose()


def test_refused_for_good() -> None:
    """A final close code ends all trying, with the code and the reason."""
    talk = Talk()
    talk.go_live()
    effects = talk.lose(4403)
    assert talk.status is Status.REFUSED
    [failed] = only(effects, do.Failed)
    assert isinstance(failed, do.Failed)
    assert isinstance(failed.error, ConnectionRefused)
    assert failed.error.code == 4403
    assert only(effects, do.Dial) == []


def test_denied_in_words_first() -> None:
    """The reason that came before the close is the one that is told."""
    talk = Talk()
    talk.dial(offered=False)
    talk.hear(say.Denied("not you"))
    [failed] = only(talk.lose(4401), do.Failed)
    assert isinstance(failed, do.Failed)
    assert isinstance(failed.error, ConnectionRefused)
    assert (failed.error.code, failed.error.reason) == (4401, "not you")


def test_denied_and_kept_open() -> None:
    """A server that denies and never closes is left."""
    talk = Talk()
    talk.dial(offered=False)
    talk.hear(say.Denied("not you"))
    talk.now = talk.exchange.wake_at or 0.0
    assert only(talk.tell(on.Ticked()), do.Failed)
    assert talk.status is Status.REFUSED


def test_expired_token_is_renewed() -> None:
    """If a token that had worked expires and a fresh one can be had, the link is tried again."""
    talk = Talk(renewable=True)
    talk.go_live()
    assert only(talk.lose(4401), do.Dial)
    talk.dial()
    talk.lose(4401)
    assert talk.status is Status.REFUSED


def test_expired_token_that_cannot_be_renewed() -> None:
    """A token that was given once is not shown twice."""
    talk = Talk()
    talk.go_live()
    talk.lose(4401)
    assert talk.status is Status.REFUSED


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


def test_broken_peer() -> None:
    """Bytes that do not parse end all trying, under the close code that fits."""
    talk = Talk()
    talk.go_live()
    error = MalformedBytes("text ends early", 7)
    effects = talk.tell(on.Broken(error))
    assert effects[0] == do.HangUp(1007, "")
    assert do.Failed(error) in effects


def test_later_protocol() -> None:
    """A relay of a protocol version that is not known is left."""
    talk = Talk()
    talk.dial()
    assert only(talk.hear(say.Welcome(2, "L1", "s", True, 0)), do.Failed)


def test_edits_still_count_when_it_is_over() -> None:
    """A refused replica is still edited, and remembers that it was."""
    talk = Talk()
    talk.lose(4403)
    assert talk.tell(on.Edited(b"u")) == []
    assert talk.exchange.tally.pending == 1


def test_stopped() -> None:
    """Who is stopped hangs up, and nothing wakes it."""
    talk = Talk()
    talk.go_live()
    assert talk.tell(on.Stopped())[0] == do.HangUp(1000, "")
    assert talk.exchange.wake_at is None
    assert talk.lose() == []
