"""The table of languages that all processes share."""

from __future__ import annotations

import langcodes
import pytest

from common.languages import NAMES, UNSPACED, WHISPER_CODES, WORDFREQ_LISTS, base


@pytest.mark.parametrize(
    ("tag", "language"),
    [("pt-BR", "pt"), ("EN", "en"), ("nb-NO", "nb"), ("no", "nb"), ("iw", "he"), ("cmn-Hans-CN", "zh"), ("", "")],
)
def test_the_language_of_a_tag(tag: str, language: str) -> None:
    assert base(tag) == language


def test_the_table_has_the_usual_tag_of_each_language() -> None:
    for tag in (*NAMES, *WHISPER_CODES, *WORDFREQ_LISTS, *UNSPACED):
        assert base(tag) == tag
    assert {tag: langcodes.Language.get(tag).language_name() for tag in NAMES} == NAMES
