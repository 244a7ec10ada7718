"""Kokoro without its weights: phonemes from the real espeak-ng, files, errors, and a tiny network in place of the real
one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from common.errors import EngineError
from tests.support.tts_engines import engine_settings
from tts_service.engine import EngineVoice
from tts_service.engines import build, choose_engine
from tts_service.engines.kokoro import LANGUAGES
from tts_service.engines.kokoro_files import ROWS, STYLE
from tts_service.engines.kokoro_japanese import japanese_pieces
from tts_service.engines.kokoro_model import KokoroModel
from tts_service.engines.kokoro_phonemes import IDS, LONGEST, KokoroPhonemizer, respell
from tts_service.speech.streaming_text import create_synthesis, splitter_for

VOICE = np.zeros((ROWS, STYLE), np.float32)


@pytest.fixture(scope="module")
def phonemize() -> KokoroPhonemizer:
    return KokoroPhonemizer()


@pytest.mark.parametrize(
    ("voice", "text", "phonemes"),
    [
        ("en-us", "Where did you go?", ["wˌɛɹ dˈɪd ju ɡˈO?"]),
        ("en", "Where did you go?", ["wˌɛː dˈɪd juː ɡˈQ?"]),
        ("es", "¿Qué hiciste ayer? Mucho.", ["kˈe iθˈiste aʝˈeɾ?", "mˈuʧo."]),
        ("fr", "Ça va, mon garçon ?", ["sa vˈa, mɔ̃ ɡaʁsˈɔ̃?"]),
        ("it", "Mi piace la pizza, ciao!", ["mɪ pjˈaʧe la pˈiʦːa, ʧˈao!"]),
        ("pt-br", "Não, de manhã.", ["nˈɐ̃ʊ̃, ʤɪ mɐ̃ɲˈɐ̃."]),
        (
            "zh",
            "你好！我学习中文，因为我想在中国工作。",
            ["ni↓xau↓!", "wo↓ ɕɥe↗ɕi↗ ꭧʊ→ŋwə↗n, i→nwei↘ wo↓ ɕja↓ŋ ʦai↘ ꭧʊ→ŋkwo↗ kʊ→ŋʦwo↘."],
        ),
        ("zh", "女儿八点半去医院", ["ny↓ɚ↗ pa→tjɛ↓npa↘n ʨʰy↘ i→ɥɛ↘n"]),
        ("zh", "我有3个苹果。", ["wo↓ jou↓ sa→nkɤ↘ pʰi↗ŋkwo↓."]),
        ("zh", "我在 MIT 工作", ["wo↓ ʦai↘ ˌɛmˌItˈi kʊ→ŋʦwo↘"]),
        (
            "ja",
            "今日はお母さんと京都へ行きました。楽しかったですね！",
            ["kʲoː βa okaːsaɴ to kʲoːto e ikʲimaɕita.", "tanoɕikaʔtadesɨ ne!"],
        ),
        ("ja", "学生は、先生を待って、", ["ɡakɯseː βa, seɴseː o maʔte,"]),
        ("ja", "日本のパーティーへ行こう。ねぇ、ウェブは？", ["ɲihoɴ no paːtʲiː e ikoː.", "neː, βebɯ βa?"]),
        ("ja", "散歩、銀行、女、本", ["sampo, ɡʲiŋkoː, onna, hoɴ"]),
        ("ja", "「ジョン・スミス」は iPhone を買う", ["“ʥoɴ sɨmʲisɨ” βa ˈI fˈOn o kaɯ"]),
    ],
)
def test_a_text_is_spelled_as_in_kokoros_training(
    phonemize: KokoroPhonemizer, voice: str, text: str, phonemes: list[str]
) -> None:
    assert ["".join(sentence) for sentence in phonemize(text, voice)] == phonemes


@pytest.mark.parametrize("voice", [voice for _, voice in LANGUAGES.values()])
def test_every_language_has_phonemes(phonemize: KokoroPhonemizer, voice: str) -> None:
    assert phonemize("Radio 3", voice)


def test_a_long_sentence_is_cut_between_words(phonemize: KokoroPhonemizer) -> None:
    parts = phonemize("really " * 200, "en-us")
    assert len(parts) > 1
    assert all(0 < len(part) <= LONGEST and " " not in (part[0], part[-1]) for part in parts)


def test_symbols_that_the_model_lacks_are_left_out() -> None:
    assert respell("aͻb", "es") == "ab"


@pytest.mark.parametrize("voice", ["es", "ja", "zh"])
@pytest.mark.parametrize("text", ["", "…", "?!"])
def test_a_text_without_a_sound_has_no_phonemes(phonemize: KokoroPhonemizer, voice: str, text: str) -> None:
    assert phonemize(text, voice) == []


@settings(max_examples=40)
@given(st.text("我你好一不的了去了3% a.，。！「」\n儿女欸嗯𠮷", max_size=30))
def test_any_chinese_text_gives_symbols_that_the_model_knows(phonemize: KokoroPhonemizer, text: str) -> None:
    assert all(symbol in IDS for sentence in phonemize(text, "zh") for symbol in sentence)


@settings(max_examples=40, deadline=None)
@given(st.text("私は今日東京へ行っんがをっーゃァィヴ々〆ｱ３3% a.、。！「」・\n叱𠮷", max_size=30))
def test_any_japanese_text_gives_symbols_that_the_model_knows(phonemize: KokoroPhonemizer, text: str) -> None:
    assert all(symbol in IDS for sentence in phonemize(text, "ja") for symbol in sentence)


def test_every_kana_of_a_japanese_word_has_a_sound() -> None:
    kana = [chr(code) for code in range(ord("ァ"), ord("ヺ") + 1)]
    silent = {char for char in kana if not japanese_pieces(char)[0][0]}
    assert silent == {"ヷ", "ヸ", "ヹ", "ヺ"}  # not used in modern Japanese


def network(*, tells: bool) -> onnx.ModelProto:
    """A network with Kokoro's inputs and outputs that gives two frames of 600 samples for each token. tells: whether it
    also gives the tokens' lengths, like the real file."""
    nodes = [
        helper.make_node("Cast", ["tokens"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "two"], ["twos"]),
        helper.make_node("Round", ["twos"], ["rounded"]),
        helper.make_node("Clip" if tells else "Abs", ["rounded", "one"] if tells else ["rounded"], ["lengths"]),
        helper.make_node("ReduceSum", ["lengths"], ["frames"], keepdims=0),
        helper.make_node("Mul", ["frames", "hop"], ["samples"]),
        helper.make_node("Cast", ["samples"], ["count"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["count", "flat"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["audio"]),
    ]
    floats = {"zero": 0.0, "two": 2.0, "one": 1.0, "hop": 600.0}
    constants = [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in floats.items()]
    constants.append(helper.make_tensor("flat", TensorProto.INT64, [1], [1]))
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "length"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, STYLE]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    audio = helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["samples"])
    graph = helper.make_graph(nodes, "tiny", inputs, [audio], constants)
    model: onnx.ModelProto = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
    return model


@pytest.mark.parametrize("tells", [True, False])
def test_the_lengths_of_phonemes_are_the_networks_or_unknown(tmp_path: Path, tells: bool) -> None:
    onnx.save(network(tells=tells), tmp_path / "tiny.onnx")
    sentence = KokoroModel(tmp_path / "tiny.onnx").speak(["a", "b", "c"], VOICE, 1.0)
    ((pcm, is_last),) = sentence.pieces
    assert (pcm.size, is_last) == (6_000, True)
    assert sentence.lengths == ((1_200,) * 5 if tells else None)


def folder_with(tmp_path: Path, *voices: str) -> Path:
    onnx.save(network(tells=True), tmp_path / "model.onnx")
    (tmp_path / "voices").mkdir()
    for name in voices:
        VOICE.tofile(tmp_path / "voices" / f"{name}.bin")
    return tmp_path


def test_a_folder_has_its_voices_the_best_ones_first(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "ef_dora", "af_alloy", "af_heart", "jf_alpha", "jf_tebukuro", "zf_xiaoni")
    assert choose_engine(str(folder)) == "kokoro"
    engine = build(engine_settings(), str(folder))
    engine.load()
    assert engine.voices() == [
        EngineVoice("af_heart", "Heart", "en-US", 24_000),
        EngineVoice("jf_tebukuro", "Tebukuro", "ja", 24_000),
        EngineVoice("af_alloy", "Alloy", "en-US", 24_000),
        EngineVoice("ef_dora", "Dora", "es", 24_000),
        EngineVoice("jf_alpha", "Alpha", "ja", 24_000),
        EngineVoice("zf_xiaoni", "Xiaoni", "zh-CN", 24_000),
    ]
    assert engine.describe().languages == ("en-US", "ja", "es", "zh-CN")


def test_the_french_voice_speaks_no_phrase_alone(tmp_path: Path) -> None:
    engine = build(engine_settings(), str(folder_with(tmp_path, "ef_dora", "ff_siwis")))
    engine.load()
    for voice, first in zip(engine.voices(), ("Oui, oui,", "Oui, oui, merci. "), strict=True):
        reply = create_synthesis(engine, voice, sample_rate_hz=24_000, speed=1.0, language="")
        assert splitter_for(reply).push("Oui, oui, merci. Et toi ?")[0].text == first


def test_a_folder_without_a_voice_that_can_speak_is_named(tmp_path: Path) -> None:
    engine = build(engine_settings(), str(folder_with(tmp_path, "kf_unknown")))
    with pytest.raises(EngineError, match=r"no voice in .*voices that this engine can use"):
        engine.load()


def test_a_voice_of_another_size_is_named(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder / "voices" / "ef_dora.bin").write_bytes(b"<html>")
    with pytest.raises(EngineError, match=r"ef_dora\.bin is not a Kokoro voice"):
        build(engine_settings(), str(folder)).load()


def test_the_published_model_by_its_id_or_by_the_engines_name() -> None:
    assert choose_engine("hexgrad/Kokoro-82M") == choose_engine("kokoro") == "kokoro"
    assert build(engine_settings(), "kokoro").describe().model == "hexgrad/Kokoro-82M"


def test_the_table_of_symbols_has_no_number_twice() -> None:
    assert len(set(IDS.values())) == len(IDS)
    assert max(IDS.values()) < 178  # the model's table has 178 symbols
