"""The relay's page looks back: a slider, what the document was, and what is different now."""

from __future__ import annotations

from playwright.async_api import expect

from browser.tabs import OpenTab
from interop.serving import Serving


async def test_the_slider_shows_each_moment(
    relay: Serving, open_tab: OpenTab, session: str
) -> None:
    """At each moment the text as it was stands beside what is different now; then one writes on."""
    ada = await open_tab(f"{relay.page}/?session={session}", name="Ada")
    text = ada.get_by_role("textbox", name="Text of this session")
    await expect(text).to_be_editable()
    await text.click()
    for words in ("Hello <b>.", " World."):
        await ada.keyboard.insert_text(words)
        await expect(ada.locator("#status")).to_have_text("Saved")
    await ada.get_by_role("button", name="History").click()
    slider = ada.get_by_role("slider", name="Moment")
    then = ada.get_by_role("region", name="The document then")
    since = ada.get_by_role("region", name="Different now")
    await expect(then).to_have_text("Hello <b>. World.")
    await expect(since).to_have_text("Nothing is different now.")
    await expect(ada.locator("#when")).to_contain_text("anonymous:Ada")
    await expect(text).not_to_be_visible()
    await slider.press("ArrowLeft")
    await expect(then).to_have_text("Hello <b>.")
    await expect(since.locator("mark")).to_have_text([" World."])
    await slider.press("Home")
    await expect(then).to_have_text("Nothing yet.")
    await expect(ada.locator("#when")).to_have_text("The beginning")
    await expect(since.locator("[data-kind=new] mark")).to_have_text(["Hello <b>. World."])
    await ada.get_by_role("button", name="Back to now").click()
    await text.click()
    await ada.keyboard.press("End")
    await ada.keyboard.insert_text(" On.")
    await expect(text).to_have_text("Hello <b>. World. On.")
