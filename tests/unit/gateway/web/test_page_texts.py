"""The files of the page's texts are complete in each of its languages, and the page has no text outside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.analysis.remarks import TEXTS as REMARKS
from gateway.http_api.routes import WEB

FILES = sorted((WEB / "texts").glob("*.json"))
MODULES = sorted(path for path in WEB.rglob("*.js") if "aitalk" not in path.parts)
# Modules with sentences in the practised language, which are not texts of the page.
OF_THE_PRACTISED_LANGUAGE = {"openers.js"}
# Literals that only look like texts: keys, headers, classes, selectors, media queries.
NO_TEXTS = {
    "Escape", "Bearer ${token}", "Content-Type",
    "(prefers-reduced-motion: reduce)", "(hover: hover) and (pointer: fine)",
    ".review button, .dialog-actions button", ".dialog-actions button", ".phrases button", "key learner", "key partner",
    "key pause", "key cut", "key band ${name}",
}  # fmt: skip
COMMENT_OR_LITERAL = re.compile(r"//[^\n]*|/\*.*?\*/|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`", re.DOTALL)
LIKE_A_TEXT = re.compile(r"[^\W\d_]{2,}[,;:]? [^\W\d_]{2,}|^[A-ZÀ-Þ“][a-zà-ÿ’]+")


def flat(texts: dict[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    """Each text with its path: ("page.send", "Send")."""
    for name, value in texts.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{name}.")
        else:
            assert isinstance(value, str), f"{path}{name}"
            yield f"{path}{name}", value


def read(file: Path) -> dict[str, str]:
    return dict(flat(json.loads(file.read_text("utf-8"))))


ENGLISH = read(WEB / "texts" / "en.json")


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_there_is_a_file_for_each_language_of_the_page() -> None:
    listed = re.search(r"PAGE_LANGUAGES = \[(.*?)\]", (WEB / "texts.js").read_text())
    assert listed
    assert sorted(re.findall(r"\w+", listed[1])) == [file.stem for file in FILES]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_language_has_every_text_with_the_same_placeholders(file: Path) -> None:
    texts = read(file)
    assert set(texts) == set(ENGLISH)
    assert {path for path, text in texts.items() if not text} == {path for path, text in ENGLISH.items() if not text}
    assert [path for path in texts if placeholders(texts[path]) != placeholders(ENGLISH[path])] == []


@pytest.mark.parametrize("file", [file for file in FILES if file.stem != "en"], ids=lambda file: file.stem)
def test_a_language_does_not_repeat_the_english_texts(file: Path) -> None:
    same = {text for path, text in read(file).items() if text == ENGLISH[path] and re.search(r"\w \w", text)}
    assert same == set()


class Texts(HTMLParser):
    """Collects the texts in the HTML, and the names of the texts that the page writes into it."""

    def __init__(self) -> None:
        super().__init__()
        self.around: list[str] = []
        self.texts: list[str] = []
        self.named: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.around.append(tag)
        for name, value in attrs:
            if name in {"aria-label", "placeholder", "title", "alt"}:
                self.texts.append(str(value))
            if name in {"data-text", "data-label", "data-placeholder"}:
                self.named.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        while self.around and self.around.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        # The noscript text stays in the HTML, because without JavaScript no language can be chosen. The title is the
        # product's name, like the wordmark.
        if data.strip() and self.around[-1:] != ["title"] and "noscript" not in self.around:
            self.texts.append(data.strip())


def test_the_html_has_no_text_of_its_own() -> None:
    html = Texts()
    html.feed((WEB / "index.html").read_text("utf-8"))
    assert html.texts == ["AI-Talk", "Esc"]
    assert [path for path in html.named if path not in ENGLISH] == []


def test_each_error_code_of_the_conversation_has_a_text() -> None:
    documented = (WEB.parents[1] / "docs" / "protocol.md").read_text("utf-8").partition("## Errors")[2]
    rows = re.findall(r"^\| `(\w+)` \| (?:yes|no) \| (.*)$", documented.partition("## Close codes")[0], re.MULTILINE)
    codes = {code for code, what in rows if "only over HTTP" not in what}
    alike = (WEB / "wording.js").read_text("utf-8").partition("const ALIKE = {")[2].partition("};")[0]
    assert len(codes) > 20
    assert codes - set(re.findall(r"'(\w+)'", alike)) <= {path.removeprefix("errors.") for path in ENGLISH}


def test_the_page_has_each_fixed_sentence_of_the_analysis() -> None:
    forms = {code: text if isinstance(text, tuple) else (text,) for code, text in REMARKS.items()}
    ours = {
        f"remarks.{code}{suffix}": text
        for code, texts in forms.items()
        for suffix, text in zip([".one", ".other"] if len(texts) > 1 else [""], texts, strict=True)
    }
    assert ours == {path: text for path, text in ENGLISH.items() if path.startswith("remarks.")}


def stray(source: str) -> list[str]:
    """String literals that read like a text for people."""
    literals = (match[1] or match[2] or "" for match in COMMENT_OR_LITERAL.finditer(source))
    return [one for one in literals if one not in NO_TEXTS and LIKE_A_TEXT.search(re.sub(r"\$\{[^{}]*\}", "", one))]


def test_strays_are_found() -> None:
    assert stray("say(button, 'Mute'); // 'No text'") == ["Mute"]
    assert stray("say(button, `you have ${count} words`)") == ["you have ${count} words"]


def test_no_module_has_a_text_of_its_own() -> None:
    found = {str(path.relative_to(WEB)): stray(path.read_text("utf-8")) for path in MODULES}
    assert {path: texts for path, texts in found.items() if texts and path not in OF_THE_PRACTISED_LANGUAGE} == {}
