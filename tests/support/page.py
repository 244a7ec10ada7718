"""What a learner does with the page, in a real browser."""

from __future__ import annotations

from playwright.async_api import Page

from tests.support.page_stub import Client, PageStub

TALK = "Start talking"


async def talking(page: Page, stub: PageStub) -> Client:
    """Press the button and wait for the connection."""
    await page.get_by_role("button", name=TALK).click()
    client = await stub.client()
    await page.evaluate("globalThis.readTap?.()")  # waits for the tap, where there is one
    return client
