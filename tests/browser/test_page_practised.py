"""The page against a stub gateway, in a real browser: the language that is practised."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from gateway import protocol
from tests.browser.conftest import Console, OpenPage
from tests.support.page import talking
from tests.support.page_stub import PageStub

pytestmark = pytest.mark.asyncio(loop_scope="session")

VOICES = {"Joe": "en-US", "Emma": "en-GB", "Dora": "es", "Alex": "es", "Thorsten": "de-DE", "Swara": "hi"}


async def test_a_language_is_chosen_with_its_voices_and_openers_and_remembered(
    open_page: OpenPage, stub: PageStub
) -> None:
    stub.voices, stub.not_heard = VOICES, {"de-DE"}
    page = await open_page(stub.url)
    practised, voice = page.get_by_label("I’m practising"), page.get_by_label("Voice")
    await expect(practised).to_have_value("en")  # the language of the default voice
    await expect(practised.locator("option")).to_have_text(["English", "Hindi", "Spanish"])
    await expect(voice.locator("option")).to_have_text(["Joe (en-US)", "Emma (en-GB)"])
    await page.get_by_label("Beginner").check()
    await page.get_by_role("radio", name="At the café").check()

    await practised.select_option("Spanish")
    await expect(voice.locator("option")).to_have_text(["Dora", "Alex"])
    await expect(page.locator("#no-cards")).to_have_text(
        "There are no cards in Spanish yet. Just talk about anything you like."
    )
    await expect(page.locator(".card:visible")).to_have_count(0)
    await voice.select_option("Alex")
    await page.reload()
    await expect(practised).to_have_value("es")
    await expect(voice).to_have_value("es-Alex")

    client = await talking(page, stub)
    start = await client.message(protocol.Start)
    assert (start.language, start.voice, start.scenario) == ("es", "es-Alex", None)
    await page.get_by_role("button", name="¡Hola! ¿Cómo estás?").click()
    assert (await client.message(protocol.Text)).text == "¡Hola! ¿Cómo estás?"


async def test_a_language_without_openers_has_none_in_another_language(open_page: OpenPage, stub: PageStub) -> None:
    stub.voices = VOICES
    page = await open_page(stub.url)
    await page.get_by_label("I’m practising").select_option("Hindi")
    await talking(page, stub)
    await expect(page.locator("#prelude-text")).to_have_text("You begin.")
    await expect(page.locator("#openers button")).to_have_count(0)


async def test_one_language_is_no_choice_and_is_the_one_that_starts(open_page: OpenPage, stub: PageStub) -> None:
    stub.voices, stub.not_heard = {"Dora": "es", "Joe": "en-US"}, {"en-US"}
    page = await open_page(stub.url)
    await expect(page.locator("#practised option")).to_have_text(["Spanish"])
    await expect(page.get_by_label("I’m practising")).to_be_hidden()
    client = await talking(page, stub)
    assert (await client.message(protocol.Start)).language == "es"


async def test_before_the_server_tells_its_voices_the_learners_earlier_choice_is_sent(
    open_page: OpenPage, stub: PageStub, console: Console
) -> None:
    console.allowed.append("status of 503")  # the answer to /ready
    stub.voices = VOICES
    page = await open_page(stub.url)
    await page.get_by_label("I’m practising").select_option("Spanish")
    stub.ready = False
    await page.reload()
    client = await talking(page, stub)
    assert (await client.message(protocol.Start)).language == "es"
