"""The page against a stub gateway, in a real browser: corrections beside the learner's words, and the learner's own
language."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from gateway import protocol
from tests.browser.conftest import OpenPage
from tests.support.page import talking
from tests.support.page_stub import PageStub

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAID = "I not understand. It was nice."


def correction(original: str, corrected: str, why: str = "") -> protocol.CorrectionMessage:
    return protocol.CorrectionMessage(
        turn_id="t", sentence="I not understand.", original=original, corrected=corrected, why=why, by="rule"
    )


async def test_a_correction_stands_below_the_learners_own_words(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    start = await client.message(protocol.Start)
    assert (start.corrections, start.native_language) == ("beside", None)
    await client.send(protocol.TranscriptMessage(text=SAID, is_final=True))
    await client.say("That is fine.")
    for _ in range(2):  # a resumed session sends it again, and the page must show it once
        await client.send(correction("I not", "I don't", "A verb needs “don't” before it."))
    await client.send(protocol.CorrectionMessage(
        turn_id="x", sentence="Never said.", original="Never", corrected="Ever", why="", by="model"
    ))  # fmt: skip
    beside = page.locator(".turn.learner .beside li")
    await expect(beside).to_have_count(1)
    await expect(beside.locator("del")).to_have_text("not")
    await expect(beside.locator("ins")).to_have_text("don't")
    await expect(beside).to_contain_text("A verb needs “don't” before it.")
    await expect(page.locator(".turn.learner .words")).to_have_text(SAID)


async def test_the_learners_choices_are_sent_and_kept(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await page.get_by_label("Correct me").select_option("aloud, and beside my words")
    await page.get_by_label("My own language").select_option("Português")
    await page.reload()
    await expect(page.get_by_label("My own language")).to_have_value("pt")
    start = await (await talking(page, stub)).message(protocol.Start)
    assert (start.corrections, start.native_language) == ("aloud", "pt")


async def test_an_own_language_that_is_practised_is_not_sent(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await page.get_by_label("My own language").select_option("English")
    start = await (await talking(page, stub)).message(protocol.Start)
    assert start.native_language is None
