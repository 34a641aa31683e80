"""What is taken, and kills only later: whoever joins is served nevertheless."""

from __future__ import annotations

from collabkit.crdt.scan import scan
from collabkit.crdt.update import encode_state_vector
from collabkit.sync.messages import SyncStep2, Update
from crdt.crafting import string, update
from hostile.attacking import Attacker
from interop.serving import Serving

# Found by fuzzing: an engine applies it, and mostly panics when it is to encode the document.
UNTELLABLE = (
    "0301ffffffffffffff0f0027010174016b010301002800ffffffffffffff0f00016b027f7d052401016d016b026162a4010302c3a90109002800ffffffffffffff0f00016b037877026869760000",
    "0203ffffffffffffff0f018809000175017e8101000308010161017e0109000a0301ffffffffffffff0f0200010001",
    "0205ffffffffffffff0f060401016102c3a90400ffffffffffffff0f00026162040101740261620800ffffffffffffff0f00027f7f0901016104677569647600010105000401ffffffffffffff0f010501",
)


async def test_a_document_that_no_engine_can_tell(relay: Serving, room: str) -> None:
    """Its author is thanked; who asks what he lacks gets all, and others write on."""
    updates = [bytes.fromhex(one) for one in UNTELLABLE]
    some = encode_state_vector({scan(updates[0]).sections[0].client: 1})
    async with Attacker.joined(relay.url, room, "hocuspocus") as attacker:
        attacker.say(*map(Update, updates))
        await attacker.until(lambda: len(attacker.statuses) == len(updates))
        for _ in range(3):
            async with Attacker.joined(relay.url, room, "y-websocket", vector=some) as joiner:
                assert joiner.synced
                told = b"".join(
                    one.update for one in joiner.heard if isinstance(one, Update | SyncStep2)
                )
                assert len(told) >= len(updates[-1])
    async with Attacker.joined(relay.url, room, "hocuspocus") as honest:
        honest.say(Update(update((77, 0, [string("on it goes", root="notes")]))))
        await honest.until(lambda: bool(honest.statuses))
        assert honest.statuses == [True]
