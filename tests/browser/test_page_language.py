"""The page against a stub gateway, in a real browser: the language of the page itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from gateway import protocol
from gateway.http_api.routes import WEB
from tests.browser.conftest import OpenPage
from tests.support.page import talking
from tests.support.page_analysis import IMPRESSION, sample_analysis
from tests.support.page_stub import PageStub

pytestmark = pytest.mark.asyncio(loop_scope="session")


def texts(language: str) -> Any:
    return json.loads((WEB / "texts" / f"{language}.json").read_text("utf-8"))


async def expect_status(page: Page, state: dict[str, str]) -> None:
    await expect(page.locator(".status-now")).to_have_text(state["now"])
    await expect(page.locator(".status-hint")).to_have_text(state["hint"])


async def test_the_page_is_switched_to_spanish_and_stays_so(open_page: OpenPage, stub: PageStub) -> None:
    spanish = texts("es")
    page = await open_page(stub.url)
    await page.get_by_label("Language of this page").select_option("Español")
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text(spanish["page"]["welcome"])
    await expect(page.get_by_label(spanish["page"]["page_language"])).to_have_value("es")

    await page.get_by_role("button", name=spanish["buttons"]["start"]).click()
    client = await stub.client()
    await expect_status(page, spanish["phases"]["listening"])
    await page.get_by_role("button", name=spanish["buttons"]["mute"]).click()
    await expect(page.get_by_role("button", name=spanish["buttons"]["unmute"])).to_be_visible()
    await client.send(protocol.ErrorMessage(message="the tts service is away", code="unavailable", retryable=True))
    notice = page.get_by_role("alert")
    await expect(notice).to_contain_text(f"{spanish['errors']['unavailable']} {spanish['errors']['again']}")
    await notice.get_by_role("button", name=spanish["buttons"]["dismiss"]).click()
    await client.send(protocol.TimeLeft(seconds=300))
    await expect(page.locator(".notice.info")).to_contain_text("Hoy te quedan 5 minutos.")

    await page.get_by_role("button", name=spanish["page"]["end"], exact=True).click()
    await expect_status(page, spanish["phases"]["analysing"])
    await client.send(protocol.AnalysisMessage(data=sample_analysis()))
    await client.drop(1000)
    await expect_status(page, spanish["phases"]["ended"])
    report = page.locator("#report")
    await expect(report.get_by_role("heading", level=2)).to_have_text(spanish["report"]["title"])
    await expect(report).to_contain_text(spanish["report"]["words_per_minute"])
    await expect(report.locator(".evidence li")).to_have_text(
        [
            "Velocidad al hablar: 118 palabras por minuto, como en B2 o más.",
            "Longitud de tus turnos: 21,2 palabras de media, como en C1.",
            "Variedad: el 71 % de las palabras en un tramo de 50 son distintas, como en B1.",
            "Errores: 4,7 por cada 100 palabras, como mucho B2.",
            IMPRESSION,
        ]
    )
    await expect(page.get_by_role("button", name=spanish["page"]["again"])).to_be_visible()


async def test_at_first_the_page_speaks_the_browsers_language(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url, locale="ja-JP")
    await expect(page.locator("html")).to_have_attribute("lang", "ja")
    await expect(page.get_by_role("button", name=texts("ja")["buttons"]["start"])).to_be_visible()


async def test_a_browser_with_another_language_gets_english(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url, locale="fi-FI")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    start = await (await talking(page, stub)).message(protocol.Start)
    assert start.native_language is None
