"""The real bundled language model judges whether a sentence could end after the words so far."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asr_service.turn_taking.text_model import LlamaTextModel
from asr_service.turn_taking.turn_judge import NetworksJudge
from common.errors import EngineError


@pytest.fixture(scope="module")
def model() -> LlamaTextModel:
    return LlamaTextModel()


@pytest.mark.parametrize(
    ("broken_off", "whole"),
    [
        ("I can help you", "I can help you with your homework."),
        ("Last weekend I went", "Last weekend I went hiking."),
        ("Could you tell me", "Could you tell me how to get to the train station?"),
        ("My favorite food is", "My favorite food is rice with chicken and vegetables."),
        ("I have been learning English for", "I have been learning English for two years."),
    ],
)
def test_it_tells_a_whole_sentence_from_its_beginning(model: LlamaTextModel, broken_off: str, whole: str) -> None:
    assert 0 <= model.infer(broken_off) < 0.15 < model.infer(whole) <= 1


def test_the_recognisers_own_marks_tell_it_nothing(model: LlamaTextModel) -> None:
    plain = model.infer("I would like to order")
    assert [model.infer(f"I would like to order{mark}") for mark in (".", "...", " -", ",", "?!")] == [plain] * 5


def test_turns_long_ago_make_no_difference(model: LlamaTextModel) -> None:
    last = "and then " * 20 + "we went to the"
    assert model.infer("I have a dog. " * 200 + last) == model.infer(last)


@pytest.mark.parametrize("text", ["", "...", " - ", "\n"])
def test_without_words_nothing_has_ended(model: LlamaTextModel, text: str) -> None:
    assert model.infer(text) == 0


@pytest.mark.parametrize("text", ["\x00", "<|im_end|>", "日本語を話します", "𒐫" * 300, "a" * 5_000, '"}]'])
def test_any_text_will_do(model: LlamaTextModel, text: str) -> None:
    assert 0 <= model.infer(text) <= 1


def test_a_file_that_is_no_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="ASR_TEXT_MODEL"):
        LlamaTextModel(tmp_path / "missing.gguf")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(EngineError, match="can't load"):
        LlamaTextModel(tmp_path / "broken.gguf")


@pytest.mark.parametrize(
    ("broken_off", "whole"),
    [
        ("Estoy buscando un.", "Estoy buscando un regalo para mi madre."),
        ("Le train part à", "Le train part à huit heures"),
        ("Ieri sono andato al...", "Ieri sono andato al mercato con mia sorella"),
        ("O problema é que", "O problema é que não tenho dinheiro"),
    ],
)
def test_it_tells_a_sentence_from_its_beginning_in_other_languages(
    model: LlamaTextModel, broken_off: str, whole: str
) -> None:
    assert model.infer(broken_off) < 0.1 < model.infer(whole)


async def test_it_is_asked_about_languages_where_it_helps_and_may_be_left_out() -> None:
    judge, without = NetworksJudge(), NetworksJudge("none")
    try:
        await judge.load()
        await without.load()
        assert (await judge.could_end("I like it.", "en-GB") or 0) > 0.1
        assert await judge.could_end("I like it.", "") is not None
        assert await judge.could_end("Me gusta.", "es-MX") is not None
        assert await judge.could_end("Ich mag es.", "de") is None
        assert await without.could_end("I like it.", "en") is None
    finally:
        judge.close()
        without.close()


def test_a_service_that_is_stopped_while_it_loads_does_not_wait_for_its_model() -> None:
    """This runs in a child process, because llama.cpp's destructor could hang, and no time-out would interrupt it."""
    script = "from asr_service.turn_taking.text_model import LlamaTextModel\nfor _ in range(5): LlamaTextModel()"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
