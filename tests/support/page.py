"""What a learner does with the page, in a real browser."""

from __future__ import annotations

from playwright.async_api import Page

from tests.support.page_stub import Client, PageStub

TALK = "Start talking"


async def talking(page: Page, stub: PageStub) -> Client:
    """Press the button, and be connected."""
    await page.get_by_role("button", name=TALK).click()
    client = await stub.client()
    await page.evaluate("globalThis.readTap?.()")  # the tap, where there is one, is in place
    return client
