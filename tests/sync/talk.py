"""An exchange to talk to: told what happens, and asked what it wants."""

from __future__ import annotations

from collabkit.crdt.update import encode_state_vector
from collabkit.sync import client_effects as do
from collabkit.sync import client_events as on
from collabkit.sync import messages as say
from collabkit.sync.client_effects import Status
from collabkit.sync.exchange import Exchange
from collabkit.sync.tally import NEWBORN, Standing

EMPTY = encode_state_vector({})
ONE = encode_state_vector({7: 1})
TWO = encode_state_vector({7: 2})
WELCOME = say.Welcome(1, "L1", "user:ada", True, 5)
CALL = say.Call(1, "versions", "key", b"{}")


DIFFERENCE = b"difference"


class Talk:
    """An exchange, and a clock that stands still unless a test moves it.

    Attributes:
        difference: What its document has more than whatever it is compared with.
        ours: What its document has.
    """

    def __init__(self, standing: Standing = NEWBORN, *, renewable: bool = False) -> None:
        self.exchange = Exchange(document="notes", standing=standing, renewable=renewable)
        self.now = 100.0
        self.difference = DIFFERENCE
        self.ours = EMPTY

    def tell(self, event: on.Event) -> list[do.Effect]:
        """What it wants; a Compare is followed by what it makes of the answer."""
        effects = []
        for effect in self.exchange.handle(event, now=self.now):
            effects.append(effect)
            if isinstance(effect, do.Compare):
                effects += self.tell(on.Compared(self.difference, self.ours))
        return effects

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
