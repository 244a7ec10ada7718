"""The page against a stub gateway, in a real browser: what to talk about."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from gateway import protocol
from tests.browser.conftest import OpenPage
from tests.support.page import talking
from tests.support.page_stub import Client, PageStub

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def choose(page: Page, title: str) -> None:
    """Choose the card of a beginner's scenario."""
    await page.get_by_label("Beginner").check()
    await page.get_by_role("radio", name=title).check()


async def started(client: Client) -> dict[str, Any]:
    return (await client.message(protocol.Start)).model_dump()


async def test_cards_are_those_of_the_level_and_just_talk_is_the_first(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    titles = page.locator(".card-title")
    for level in ("Beginner", "Advanced"):
        await page.get_by_label(level).check()
        suiting = [scenario.title for scenario in stub.library.at(level.lower())]  # type: ignore[arg-type]
        await expect(titles).to_have_text(["Just talk", *suiting])
    await page.get_by_label("Show the cards of all levels").check()
    await expect(titles).to_have_text(["Just talk", *(scenario.title for scenario in stub.library.at(None))])
    await expect(page.get_by_role("radio", name="Just talk")).to_be_checked()
    await expect(page.get_by_label("Let my partner begin")).not_to_be_checked()


async def test_a_phone_shows_the_first_cards_without_scrolling(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url, viewport={"width": 390, "height": 780}, is_mobile=True, has_touch=True)
    second = await page.locator(".card").nth(1).bounding_box()
    button = await page.get_by_role("button", name="Start talking").bounding_box()
    assert second is not None
    assert button is not None
    assert second["y"] + 30 < button["y"]


async def test_just_talking_sends_no_scenario(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    start = await started(await talking(page, stub))
    assert not start.get("scenario")
    assert not start.get("partner_begins")
    await expect(page.locator("#sheet")).to_be_hidden()
    await expect(page.locator("#prelude-title")).to_have_text("I’m listening.")


async def test_a_scenario_is_begun_by_the_partner_and_stays_in_view(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await choose(page, "At the café")
    await expect(page.get_by_label("Let my partner begin")).to_be_checked()
    client = await talking(page, stub)
    start = await started(client)
    assert (start["scenario"], start["partner_begins"]) == ("cafe", True)
    await expect(page.locator("#prelude-title")).to_have_text("Your partner begins.")
    sheet = page.locator("#sheet")
    await expect(sheet).to_contain_text("Order something to drink and something to eat, and pay.")
    await expect(sheet.get_by_text("You are a customer with half an hour to spare.")).to_be_visible()
    await expect(sheet.locator(".tasks li")).to_have_count(5)
    await client.say("Good morning! What can I get for you?")
    await expect(page.locator(".partner.complete")).to_be_visible()
    await expect(page.locator("body")).to_have_attribute("data-phase", "listening")
    await sheet.get_by_role("button", name="How much is it?").click()
    await expect(page.get_by_label("Write instead of speaking")).to_have_value("How much is it?")
    await sheet.locator("summary").click()
    await expect(sheet.locator(".tasks")).to_be_hidden()
    await expect(sheet).to_contain_text("At the café")


async def test_the_learner_can_begin_a_scenario(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await choose(page, "At the café")
    await page.get_by_label("Let my partner begin").uncheck()
    start = await started(await talking(page, stub))
    assert start["scenario"] == "cafe"
    assert not start.get("partner_begins")
    await expect(page.locator("#prelude-text")).to_have_text("You begin.")


async def test_a_reload_keeps_the_scenario_and_a_resumed_session_is_not_given_it_again(
    open_page: OpenPage, stub: PageStub
) -> None:
    page = await open_page(stub.url)
    await choose(page, "At the café")
    client = await talking(page, stub)
    await client.say("Good morning!")
    await expect(page.locator(".partner.complete")).to_be_visible()
    await page.reload()
    await expect(page.locator("#sheet")).to_contain_text("At the café")
    await page.get_by_role("button", name="Carry on talking").click()
    start = await started(await stub.client(2))
    assert start["session_id"] == client.session_id
    assert not start.get("scenario")
    assert not start.get("partner_begins")


async def test_a_server_without_scenarios_offers_none(open_page: OpenPage, stub: PageStub) -> None:
    stub.scenarios_known = False
    page = await open_page(stub.url)
    await expect(page.get_by_role("button", name="Start talking")).to_be_visible()
    await expect(page.locator("#topics")).to_be_hidden()
    assert not (await started(await talking(page, stub))).get("scenario")
