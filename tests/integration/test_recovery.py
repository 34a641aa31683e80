"""What a killed relay lost comes back with whoever saw it, and only for as long as that may be."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from collabkit.access.tokens import Claims, mint
from collabkit.store.reader import Reader
from collabkit.sync.messages import SyncStep2, Update
from crdt.crafting import gc, string, update
from hostile.attacking import OWN, Attacker
from interop.serving import Serving

KEY = b"k" * 43
ADA, BOB = 7, 8
STORED = (ADA, 0, [string("stored", root="t")])
LOST = update((ADA, 6, [string(" lost", origin=(ADA, 5))]))


def token_for(name: str) -> str:
    """A writer's token."""
    now = int(time.time())
    return mint(Claims(f"user:{name}", now + 600, write=("plan",)), KEY, now=now)


async def test_a_lost_edit_comes_back_with_who_saw_it(tmp_path: Path) -> None:
    """Refused before the crash, as nobody's but Ada's; taken after it, and told in the log."""
    (tmp_path / "key").write_bytes(KEY)
    database = tmp_path / "relay.db"
    create = [sys.executable, "-m", "collabkit", "create", str(database), "plan"]
    subprocess.run(create, check=True, timeout=30)
    options = ("--auth", "jwt", "--key-file", str(tmp_path / "key"), "--verbose")
    with Serving.running(database, *options) as relay:
        async with (
            Attacker.joined(relay.url, "plan", OWN, token=token_for("ada")) as ada,
            Attacker.joined(relay.url, "plan", OWN, token=token_for("bob")) as bob,
        ):
            ada.say(Update(update(STORED)))
            await ada.until(lambda: ada.statuses == [True])
            for forged in (LOST, update((ADA, 6, [gc(1_000_000)]))):
                bob.say(Update(forged))
            await bob.until(lambda: bob.statuses == [False, False])
            relay.kill()
        relay.start()
        async with (
            Attacker.joined(relay.url, "plan", "y-websocket", token=token_for("cy")) as cy,
            Attacker.joined(relay.url, "plan", OWN, token=token_for("bob")) as bob,
        ):
            bob.say(SyncStep2(LOST))
            await bob.until(lambda: bob.statuses == [True])
            await cy.until(lambda: LOST in cy.updates)
        assert relay.terminate() == 0
        assert "user:bob brought back" in relay.complaints()
    with Reader(database) as reader:
        loaded = reader.load(reader.find("plan", project="default").id, "main")
    assert (loaded.rows[-1].subject, loaded.rows[-1].origin) == ("user:bob", "recovery")
    assert loaded.owners == {ADA: "user:ada"}
