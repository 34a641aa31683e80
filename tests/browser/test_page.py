"""The relay's page, as people use it: in real tabs, with a keyboard."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from browser.tabs import OpenTab
from collabkit.access.tokens import Claims, mint
from interop.serving import Serving


def _text(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Text of this session")


def _status(page: Page) -> Locator:
    return page.locator("#status")


def _people(page: Page) -> Locator:
    return page.locator("#people .name")


async def _opened(page: Page) -> Locator:
    """The text, once it may be written."""
    await expect(_text(page)).to_be_editable()
    await expect(_status(page)).to_have_text("Saved")
    return _text(page)


async def test_two_tabs_write_one_text(relay: Serving, open_tab: OpenTab, session: str) -> None:
    """What two people type at once is the same in both tabs, saved, and there after a reload."""
    url = f"{relay.page}/?session={session}"
    ada, ben = await open_tab(url, name="Ada"), await open_tab(url, name="Ben")
    for tab in (ada, ben):
        await (await _opened(tab)).click()
    await ada.keyboard.type("Ada writes this.")
    await expect(_text(ben)).to_have_text("Ada writes this.")
    await ben.keyboard.press("End")
    await ben.keyboard.type(" Ben adds that 👋.\nAnd a second line.")
    for tab in (ada, ben):
        await expect(tab.locator(".cm-line")).to_have_text(
            ["Ada writes this. Ben adds that 👋.", "And a second line."]
        )
        await expect(_status(tab)).to_have_text("Saved")
    await ada.reload()
    await _opened(ada)
    await expect(ada.locator(".cm-line").last).to_have_text("And a second line.")


async def test_people_see_each_other(relay: Serving, open_tab: OpenTab, session: str) -> None:
    """Names stand in the list and at the carets, change as they are typed, and go with the tab."""
    url = f"{relay.page}/?session={session}"
    ada, ben = await open_tab(url, name="Ada"), await open_tab(url, name="Ben")
    await expect(_people(ada)).to_have_text(["Ben"])
    await expect(_people(ben)).to_have_text(["Ada"])
    await (await _opened(ada)).click()
    await ada.keyboard.type("Where is Ada?")
    await ada.keyboard.press("Shift+Home")
    await expect(ben.locator(".flag")).to_have_text("Ada")
    await expect(ben.locator(".selection")).to_have_count(1)
    await ada.get_by_label("Your name").fill("Ada Lovelace")
    await ada.get_by_label("Your colour").fill("#0f8b8d")
    await expect(_people(ben)).to_have_text(["Ada Lovelace"])
    await expect(ben.locator("#people .avatar")).to_have_css(
        "background-color", "rgb(15, 139, 141)"
    )
    await ada.reload()
    await expect(ada.get_by_label("Your name")).to_have_value("Ada Lovelace")
    await expect(_people(ben)).to_have_text(["Ada Lovelace"])
    await ada.close()
    await expect(_people(ben)).to_have_count(0)


async def test_saved_is_true(relay: Serving, open_tab: OpenTab, session: str) -> None:
    """Without a relay edits count as unsaved; they are saved, and seen, when it is back."""
    url = f"{relay.page}/?session={session}"
    ada = await open_tab(url, name="Ada")
    await (await _opened(ada)).click()
    await ada.keyboard.type("before:")
    await expect(_status(ada)).to_have_text("Saved")
    relay.kill()
    await expect(_status(ada)).to_have_text("Offline, all saved")
    await ada.keyboard.type("abc")
    await expect(_status(ada)).to_have_text("Offline, 3 unsaved edits")
    relay.start()
    await expect(_status(ada)).to_have_text("Saved", timeout=20_000)
    relay.restart()
    ben = await open_tab(url, name="Ben")
    await _opened(ben)
    await expect(_text(ben)).to_have_text("before:abc")


async def test_undo_is_of_ones_own(relay: Serving, open_tab: OpenTab, session: str) -> None:
    """Undo takes back what this person wrote, and leaves what others did."""
    url = f"{relay.page}/?session={session}"
    ada, ben = await open_tab(url, name="Ada"), await open_tab(url, name="Ben")
    await (await _opened(ada)).click()
    await ada.keyboard.type("of Ada")
    await expect(_text(ben)).to_have_text("of Ada")
    await (await _opened(ben)).click()
    await ben.keyboard.press("Home")
    await ben.keyboard.type("of Ben, not ")
    await expect(_text(ada)).to_have_text("of Ben, not of Ada")
    await ada.keyboard.press("Control+z")
    for tab in (ada, ben):
        await expect(_text(tab)).to_have_text("of Ben, not")


async def test_addresses(relay: Serving, open_tab: OpenTab) -> None:
    """The session is named by the query or the fragment, with any characters, or `welcome`."""
    first = await open_tab(f"{relay.page}/?session=notes/ünï ☃")
    await (await _opened(first)).fill("one room")
    second = await open_tab(f"{relay.page}/#notes/ünï ☃")
    await expect(_text(second)).to_have_text("one room")
    await expect(second.get_by_role("heading", level=1)).to_have_text("notes/ünï ☃")
    third = await open_tab(relay.page)
    await expect(third.get_by_role("heading", level=1)).to_have_text("welcome")
    await expect(third).to_have_title("welcome · collabkit")
    await expect(_text(await _at_rest(third))).to_contain_text("Write something")


async def _at_rest(page: Page) -> Page:
    await _opened(page)
    return page


async def test_tokens(tmp_path: Path, open_tab: OpenTab) -> None:
    """A reader cannot type, and whoever is refused is told why, in words."""
    database, key_file = tmp_path / "guarded.db", tmp_path / "key"
    key_file.write_text("k" * 43)
    create = [sys.executable, "-m", "collabkit", "create", str(database), "plan"]
    subprocess.run(create, check=True, timeout=30)
    now = int(time.time())
    claims = Claims("user:ada", exp=now + 600, read=("plan",))
    token = mint(claims, key_file.read_bytes(), now=now)
    with Serving.running(database, "--auth", "jwt", "--key-file", str(key_file)) as guarded:
        reader = await open_tab(f"{guarded.page}/?session=plan&token={token}")
        await expect(_status(reader)).to_have_text("Read only")
        await expect(_text(reader)).not_to_be_editable()
        stranger = await open_tab(f"{guarded.page}/?session=plan&token=forged")
        await expect(_status(stranger)).to_have_text(re.compile("^No access: .+"))


async def test_refused_edit_is_told(relay: Serving, open_tab: OpenTab, session: str) -> None:
    """What the relay cannot take is said, and the page goes on from what the room has."""
    url = f"{relay.page}/?session={session}"
    ada, ben = await open_tab(url, name="Ada"), await open_tab(url, name="Ben")
    await (await _opened(ada)).click()
    await ada.keyboard.type("before")
    await expect(_status(ada)).to_have_text("Saved")
    await _text(ada).evaluate(
        """(text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData('text/plain', `${'x'.repeat(80)}\\n`.repeat(250_000));
            text.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
        }"""
    )
    await expect(ada.get_by_role("alert")).to_contain_text("not accepted")
    await expect(_text(ada)).to_have_text("before")
    await (await _opened(ada)).click()
    await ada.keyboard.press("End")
    await ada.keyboard.type(" and after")
    await expect(_text(ben)).to_have_text("before and after")
    await expect(_status(ada)).to_have_text("Saved")
