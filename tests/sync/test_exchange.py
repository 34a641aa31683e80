"""The life of a replica's links: when it dials, waits, gives up and ends."""

from __future__ import annotations

from collabkit.errors import (
    ConnectionRefused,
    MalformedBytes,
)
from collabkit.sync import client_effects as do
from collabkit.sync import client_events as on
from collabkit.sync import messages as say
from collabkit.sync.client_effects import Dialect, Status
from sync.talk import CALL, WELCOME, Talk, only


def test_start() -> None:
    """It begins by dialling at once."""
    assert Talk().tell(on.Started()) == [do.Dial(0.0)]


def test_silent_server_is_asked() -> None:
    """A server that says nothing at all is asked after a while, and may still greet."""
    talk = Talk()
    talk.dial(offered=True)
    talk.now = talk.exchange.wake_at or 0.0
    assert do.Inquire() in talk.tell(on.Ticked())
    talk.hear(WELCOME)
    assert talk.exchange.dialect is Dialect.COLLABKIT


def test_forgotten_call() -> None:
    """A call that nobody waits for is not sent again."""
    talk = Talk()
    talk.tell(on.Called(CALL))
    talk.tell(on.Forgotten(1))
    assert only(talk.go_live(), do.Send) == []


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


def test_broken_peer() -> None:
    """Bytes that do not parse end all trying, under the close code that fits."""
    talk = Talk()
    talk.go_live()
    error = MalformedBytes("text ends early", 7)
    effects = talk.tell(on.Broken(error))
    assert effects[0] == do.HangUp(1007, "")
    assert do.Failed(error) in effects


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
