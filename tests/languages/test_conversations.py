"""Spoken conversations through the whole mesh on PROFILE=languages, in Spanish and in French.

Recognition, replies, speech and analysis are in that language. Prints the milliseconds of each stage, the share of
misheard words, and the memory of each process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
import soxr

from tests.languages.conftest import Speaker, words_misheard
from tests.support.audio import cut
from tests.support.learner import Learner, a_learner
from tests.support.mesh import Mesh

# ruff: noqa: SIM905  a list of words reads better as one


@dataclass(frozen=True)
class Practice:
    """A voice, the sentences that a learner says with it (at least 48 words), and words that only this one of the three
    languages has."""

    language: str
    voice: str
    lines: tuple[str, ...]
    function_words: frozenset[str]


PRACTICES = (
    Practice(
        "es",
        "ef_dora",
        (
            "Ayer fui al mercado con mi hermana y compramos pan, queso y unas manzanas.",
            "Me gusta mucho la fruta, sobre todo las naranjas y las manzanas.",
            "El sábado por la tarde vamos a preparar una cena para nuestros amigos.",
            "Mi hermana quiere hacer una tarta de chocolate, pero yo prefiero el helado.",
        ),
        frozenset("el los las y con por para muy qué cómo está es una te tu gusta más lo del al su se".split()),
    ),
    Practice(
        "fr",
        "ff_siwis",
        (
            "Hier, je suis allé au marché avec ma sœur et nous avons acheté du pain.",
            "J'aime beaucoup les fruits, surtout les pommes et les oranges.",
            "Samedi soir, nous allons préparer un dîner pour nos amis.",
            "Ma sœur veut faire un gâteau au chocolat, mais moi, je préfère la glace.",
        ),
        frozenset("le les et avec pour très est une vous je des dans du au aux ce qui pas votre vos ou".split()),
    ),
)
ENGLISH = frozenset("the and with for very is you i of in to it that this what how are your my was".split())


def is_in(practice: Practice, text: str) -> bool:
    """Whether more of the text's function words are of this language than of English."""
    words = re.findall(r"\w+", text.lower())
    ours = sum(word in practice.function_words for word in words)
    return ours > sum(word in ENGLISH for word in words)


async def speak(learner: Learner, speaker: Speaker, line: str, voice: str) -> None:
    """Say `line` in real time, then three seconds of silence."""
    speech = (np.clip(speaker.say(line, voice), -1, 1) * 32767).astype("<i2").tobytes()
    await learner.send_audio(list(cut(speech, 640)), pause_s=0.02)
    await learner.send_audio(list(cut(bytes(3 * 32_000), 640)), pause_s=0.02)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("practice", PRACTICES, ids=lambda one: one.language)
async def test_a_conversation_in_another_language(languages_mesh: Mesh, speaker: Speaker, practice: Practice) -> None:
    understood, written, heard = [], [], []
    async with a_learner(languages_mesh.ws) as learner:
        await learner.send(type="start", audio={"encoding": "pcm_s16le"}, level="beginner", language=practice.language)
        for line in practice.lines:
            after = len(learner.messages)
            await speak(learner, speaker, line, practice.voice)
            text, audio, over = await learner.hear_whole_reply(after=after, timeout_s=240)
            finals = [m["text"] for m in learner.messages[after:] if m["type"] == "transcript" and m["is_final"]]
            understood.append(" ".join(finals))
            speech = np.frombuffer(audio, "<i2").astype(np.float32) / 32768
            told = speaker.hear(soxr.resample(speech, 24_000, 16_000).astype(np.float32), practice.language)
            written.append(text)
            heard.append(told.text)
            print(practice.language, over["latency_ms"], line, "→", understood[-1], "|", text, "|", told.text)
        await learner.send(type="end_conversation")
        analysis = await learner.wait_for("analysis", timeout_s=300, where=lambda m: m.get("is_final", True))
    async with httpx.AsyncClient(base_url=languages_mesh.http) as http:
        print({name: one["memory_bytes"] // 10**6 for name, one in (await http.get("/gpu")).json()["services"].items()})
    lines, partner_words = list(practice.lines), sum(len(text.split()) for text in written)
    ours, theirs = words_misheard(lines, understood), speaker.errors(written, heard, practice.language)
    print(f"{practice.language}: misheard {ours:.1%} of the learner's words, {theirs:.1%} of {partner_words} partner's")
    assert ours <= 0.1, understood
    assert theirs <= 0.15, list(zip(written, heard, strict=True))
    assert all(is_in(practice, reply) for reply in written), written
    document = analysis["data"]
    assert document["conversation"]["language"] == practice.language
    if "summary" not in document["unavailable"]:  # on a slow machine, the model doesn't finish it in time
        assert is_in(practice, document["summary"]), document["summary"]
