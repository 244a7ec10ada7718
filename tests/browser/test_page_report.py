"""The report at the end of a conversation, in a real browser on a stub gateway."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from gateway import protocol
from tests.browser.conftest import OpenPage
from tests.support.page import ended, talking
from tests.support.page_analysis import sample_analysis, sparse_analysis
from tests.support.page_stub import PageStub

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_report(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.hear("Hello")
    await ended(page, client, sample_analysis())
    report = page.locator("#report")
    await expect(report.locator(".estimate")).to_have_text("About B1")
    await expect(report.locator(".evidence li")).to_have_count(5)
    await expect(report.locator("dt", has_text="words per minute")).to_be_visible()
    marked = report.locator(".marked").first
    await expect(marked).to_have_text("Last weekend I go went to the sea with my sister.")
    await expect(marked.locator("del")).to_have_text("go")
    await expect(marked.locator("ins")).to_have_text("went")
    await expect(report.locator(".score rect.learner")).to_have_count(6)  # one of the five turns spans two lines
    await expect(report.locator(".missing")).to_have_count(0)
    await page.get_by_role("button", name="Talk again").click()
    assert (await (await stub.client(2)).message(protocol.Start)).session_id is None
    await expect(report).to_be_hidden()
    await expect(page.locator(".turn")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_report_is_read_from_its_beginning(open_page: OpenPage, stub: PageStub, width: int) -> None:
    page = await open_page(stub.url, viewport={"width": width, "height": 780}, reduced_motion="reduce")
    client = await talking(page, stub)
    for _ in range(4):
        await client.hear("I like it very much")
    await ended(page, client, sample_analysis())
    title = await page.get_by_role("heading", name="How it went").bounding_box()
    bar = await page.locator("header").first.bounding_box()
    assert title is not None
    assert bar is not None
    assert bar["y"] + bar["height"] <= title["y"] < 300


async def test_report_says_what_is_missing(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await ended(page, await talking(page, stub), sparse_analysis())
    # Four parts are missing. The summary and the next steps share one remark, because their reason is the same.
    await expect(page.locator(".missing")).to_have_count(3)
    await expect(page.locator(".missing").nth(1)).to_contain_text("Only 12 words")


async def test_report_of_a_typed_conversation_measures_no_speech(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    typed = sample_analysis()
    typed["fluency"] |= {"turns": 0, "words": 0, "speaking_time_s": 0.0, "share_of_talk": None}
    await ended(page, await talking(page, stub), typed)
    await expect(page.get_by_text("Nothing was spoken, so there is no speech to measure.")).to_be_visible()
    await expect(page.locator(".share-of-talk")).to_have_count(0)


async def test_the_measured_parts_are_shown_while_the_rest_of_the_report_is_written(
    open_page: OpenPage, stub: PageStub
) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.say("One two.")
    await page.get_by_role("button", name="End", exact=True).click()
    await client.message(protocol.EndConversation)
    whole = sample_analysis()
    unwritten: dict[str, Any] = {"summary": None, "next_steps": [], "grammar": {"corrections": [], "words_checked": 0}}
    begun = whole | unwritten | {"pending": ["grammar", "cefr", "summary", "next_steps", "meanings"]}
    await client.send(protocol.AnalysisProgress(done=0, total=6, data=begun))
    report = page.locator("#report")
    await expect(report.get_by_text("words per minute")).to_be_visible()
    await expect(report.get_by_text("Still to come: corrections, your level, a summary")).to_be_visible()
    await expect(report.get_by_text("Nothing to correct")).to_have_count(0)
    await expect(page.locator(".status-hint")).to_contain_text("Step 1 of 6.")
    await client.send(protocol.AnalysisProgress(done=3, total=6, data=begun | {"grammar": whole["grammar"]}))
    await expect(report.locator(".corrections li")).to_have_count(3)
    await expect(page.locator(".status-hint")).to_contain_text("Step 4 of 6.")
    await client.send(protocol.AnalysisMessage(data=whole))
    await expect(report.get_by_text("Still to come")).to_have_count(0)
    await expect(report.get_by_text(whole["summary"])).to_be_visible()
    await expect(report.locator(".ladder .here")).to_have_text("B1")


@pytest.mark.parametrize(
    "analysis",
    [{}, {"timeline": None, "cefr": 3, "fluency": {}, "grammar": {"corrections": 1}, "goals": {"tasks": [None, 3]}}],
)
async def test_report_survives_nonsense(open_page: OpenPage, stub: PageStub, analysis: dict[str, object]) -> None:
    page = await open_page(stub.url)
    await ended(page, await talking(page, stub), analysis)
    await expect(page.get_by_role("heading", name="How it went")).to_be_visible()


GOALS: dict[str, Any] = {
    "scenario": "cafe",
    "title": "At the café",
    "goal": "Order something to drink.",
    "tasks": [
        {"id": "a", "text": "Order a drink.", "measured": True, "turn_id": "t0", "opinion": True},
        {"id": "b", "text": "Ask the price.", "measured": False, "turn_id": None, "opinion": True},
        {"id": "c", "text": "Pay.", "measured": False, "turn_id": None, "opinion": None},
    ],
}


async def test_report_tells_what_was_measured_of_the_goals_from_the_models_opinion(
    open_page: OpenPage, stub: PageStub
) -> None:
    page = await open_page(stub.url)
    await ended(page, await talking(page, stub), {**sample_analysis(), "goals": GOALS})
    rows = page.get_by_role("row")
    await expect(rows).to_have_text(
        [
            "To doIn your wordsThe language model thinks",
            "Order a drink.✓ heard✓ done",
            "Ask the price.– not heard✓ done",
            "Pay.– not heardno opinion",
        ]
    )


async def test_report_of_goals_without_the_model_has_what_was_measured(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    tasks = [{**task, "opinion": None} for task in GOALS["tasks"]]
    away = {"goals": "The language model could not be reached."}
    analysis = {**sample_analysis(), "goals": {**GOALS, "tasks": tasks}, "unavailable": away}
    await ended(page, await talking(page, stub), analysis)
    await expect(page.get_by_role("row")).to_have_count(4)
    await expect(page.get_by_role("columnheader")).to_have_text(["To do", "In your words"])
    await expect(page.locator("#report .missing")).to_have_text("The language model could not be reached.")


async def test_a_word_worth_learning_is_kept_and_heard(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    reply = await client.say("The view must have been breathtaking!")
    await client.until(lambda _: reply.over)
    await ended(page, client, sample_analysis())
    hear = page.get_by_role("button", name="Hear the sentence: breathtaking")
    await expect(page.get_by_role("button", name="Hear the sentence: recommend")).to_have_count(0)  # it has no sentence
    await hear.click()
    await page.get_by_role("button", name="Keep in my words: breathtaking").click()
    await page.get_by_role("button", name="My words (1)").click()
    await expect(page.get_by_role("dialog")).to_contain_text("The view must have been breathtaking!")
