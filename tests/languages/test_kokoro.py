"""Kokoro with its real weights: it does what every engine must do, and Whisper understands its voices."""

from __future__ import annotations

import itertools

import pytest

from tests.languages.conftest import Speaker, kana_misheard, syllables_misheard, words_misheard
from tests.support.tts_contract import TtsContract
from tts_service.engine import TtsEngine
from tts_service.text.normalise import normaliser_for

LINES = {
    "af_heart": "Yesterday I went to the market and bought some apples for my sister.",
    "bf_emma": "Yesterday I went to the market and bought some apples for my sister.",
    "ef_dora": "Ayer fui al mercado y compré unas manzanas para mi hermana.",
    "ff_siwis": "Hier, je suis allé au marché et j'ai acheté des pommes pour ma sœur.",
    "if_sara": "Ieri sono andata al mercato e ho comprato delle mele per mia sorella.",
    "pf_dora": "Ontem fui ao mercado e comprei umas maçãs para a minha irmã.",
}

MORE = {
    "if_sara": (
        "Buongiorno, vorrei un caffè e un cornetto, per favore.",
        "Domani mattina prendo il treno per Milano alle otto.",
        "Mi piace molto leggere libri e ascoltare la musica.",
    ),
    "pf_dora": (
        "Bom dia, eu queria um café e um pão com manteiga, por favor.",
        "Amanhã de manhã vou pegar o trem para São Paulo.",
        "Gosto muito de ler livros e de ouvir música em casa.",
    ),
}

CHINESE = (
    "昨天我和姐姐去市场买了一些苹果。",
    "我学习中文已经两年了，因为我想在中国工作。",
    "我喜欢这个城市，但是冬天很冷。",
    "明天上午八点半我要坐火车去北京。",
)

JAPANESE = (
    "昨日は友達と一緒に映画を見に行きました。",
    "今日はとても天気がいいですね。",
    "私は日本語を勉強しています。",
    "すみません、駅までどのくらいかかりますか。",
    "週末は家族と山へハイキングに行くつもりです。",
    "毎朝、何時に起きますか。",
    "この本は面白いけど、ちょっと難しいです。",
    "学生のころ、京都に住んでいたことがあります。",
    "コーヒーを飲みながらゆっくり話しましょう。",
    "明日、雨が降ったらどうしますか。",
    "お母さんは料理がとても上手ですね。",
    "りんごとパンを買って、家に帰りました。",
    "仕事が忙しくて、あまり寝られませんでした。",
    "日本の食べ物の中で、何が一番好きですか。",
    "電車が遅れたので、会議に間に合いませんでした。",
    "そうですか、それは大変でしたね。",
    "土曜日の三時半に、駅の前で会いませんか。",
    "りんごを3個と卵を6個ください。",
)


class TestKokoro(TtsContract):
    """The published weights."""


@pytest.mark.parametrize("voice", LINES)
def test_a_voice_is_understood(speaker: Speaker, voice: str) -> None:
    (language,) = [one.language.partition("-")[0] for one in speaker.engine.voices() if one.id == voice]
    heard = speaker.hear(speaker.say(LINES[voice], voice))
    assert heard.language == language
    assert words_misheard([LINES[voice]], [heard.text]) <= 0.1, heard.text


@pytest.mark.parametrize("voice", MORE)
def test_italian_and_portuguese_are_understood_in_more_sentences(speaker: Speaker, voice: str) -> None:
    (language,) = [one.language.partition("-")[0] for one in speaker.engine.voices() if one.id == voice]
    heard = [speaker.hear(speaker.say(line, voice), language).text for line in MORE[voice]]
    assert words_misheard(list(MORE[voice]), heard) <= 0.15, heard


@pytest.mark.parametrize("voice", ["zf_xiaoxiao", "zm_yunxi"])
def test_chinese_is_understood(speaker: Speaker, voice: str) -> None:
    heard = [speaker.hear(speaker.say(line, voice), "zh").text for line in CHINESE]
    assert syllables_misheard(list(CHINESE), heard) <= 0.15, heard


@pytest.mark.parametrize("voice", ["jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"])
def test_japanese_is_understood(speaker: Speaker, voice: str) -> None:
    read = normaliser_for("ja")
    heard = [speaker.hear(speaker.say(read(line).text, voice), "ja").text for line in JAPANESE]
    misheard = kana_misheard(list(JAPANESE), heard)
    print(f"{voice}: {misheard:.1%}")
    assert misheard <= 0.15, heard


def test_words_are_timed_by_the_model_itself(engine: TtsEngine) -> None:
    voice = next(voice for voice in engine.voices() if voice.id == "ef_dora")
    pieces = list(engine.synthesize(LINES["ef_dora"], voice=voice, speed=1.0, language=""))
    assert not any(piece.timing_estimated for piece in pieces)
    starts = [word.start_sample for piece in pieces for word in piece.words or ()]
    assert all(before < after for before, after in itertools.pairwise(starts))
