"""What a learner does with the page, in a real browser."""

from __future__ import annotations

from playwright.async_api import Page, expect

from gateway import protocol
from tests.support.page_stub import Client, PageStub

TALK = "Start talking"


async def talking(page: Page, stub: PageStub) -> Client:
    """Press the button and wait for the connection."""
    await page.get_by_role("button", name=TALK).click()
    client = await stub.client()
    await page.evaluate("globalThis.readTap?.()")  # if the page has a tap, wait until it is ready
    return client


async def ended(page: Page, client: Client, analysis: dict[str, object]) -> None:
    """End the conversation: the page gets this analysis, and the connection closes."""
    await page.get_by_role("button", name="End", exact=True).click()
    await client.message(protocol.EndConversation)
    await expect(page.locator("body")).to_have_attribute("data-phase", "analysing")
    await client.send(protocol.AnalysisMessage(data=analysis))
    await client.drop(1000)
    await expect(page.locator("body")).to_have_attribute("data-phase", "ended")
