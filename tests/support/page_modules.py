"""Calls what the page's modules export."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page


async def call(page: Page, module: str, expression: str, argument: object = None) -> Any:
    """The value of a JavaScript expression in which `m` is the module and `a` the argument."""
    return await page.evaluate(
        f"async (a) => {{ const m = await import('/static/{module}'); return {expression}; }}", argument
    )
