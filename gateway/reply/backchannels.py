"""Decides whether the learner's words over the partner's voice are a turn or only a sound: a "mhm", a cough, an echo of
the partner."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from enum import Enum
from statistics import geometric_mean

from common.languages import base
from common.letters import LETTER
from gateway.ports import HeardWord, Transcript

# What people say to show that they are listening, by language. Several may be combined ("oh, I see"). Over the
# partner's voice they are not a turn.
BACKCHANNELS = {
    "en": "absolutely|ah|aha|all right|alright|carry on|cool|exactly|go ahead|go on|good|got it|great|ha|hah|haha|huh"
    "|i see|nice|of course|oh|ok|okay|really|right|sure|uh|uhhuh|um|wow|yeah|yep|yes|yup",
    "de": "ach|ah|aha|alles klar|genau|gut|ja|klar|oh|ok|okay|so|stimmt",
    "es": "ah|aja|ajá|bien|claro|oh|ok|okay|si|sí|vale|ya",
    "fr": "ah|bien|bon|d'accord|oh|ok|okay|ouais|oui|voilà",
    "hi": "अच्छा|ठीक|ठीक है|हाँ|हां|जी|जी हाँ|सही|बिलकुल|ओह|वाह|ओके|हम्म",
    "it": "ah|bene|certo|ecco|eh|oh|ok|okay|si|sì|va bene",
    "ja": "はい|ええ|うん|うんうん|へえ|へー|そう|そうですか|そうですね|なるほど|たしかに|あー|ああ|おお|本当|すごい",
    "pt": "ah|bem|bom|certo|claro|entendi|exato|isso|oh|ok|okay|pois é|sei|sim|tá|tá bom",
    "zh": "嗯|嗯嗯|哦|噢|啊|对|对对|对对对|是|是的|好|好的|行|没错|真的|当然|明白|懂了|哇",
}
# For a language without a list: sounds that mean the same almost everywhere.
_ANY_LANGUAGE = "ah|aha|ha|haha|huh|oh|ok|okay|uh|uhhuh|um|wow"
# Recognisers spell a hum or a noise without a vowel: "mhm", "M-H-N", "pff".
NO_WORD = "[bcdfghjklmnpqrstvwxz]+"

# If up to UNSURE_WORDS words have a mean confidence below UNSURE, they are a guess: a cough becomes "you" or "thank
# you".
UNSURE = 0.5
UNSURE_WORDS = 3
# These words ask for the floor. They count even with a low confidence, because recognisers doubt most words that stand
# alone.
DEMANDS = {
    "en": "again|but|hello|help|hold|how|listen|no|pardon|please|quiet|repeat|slower|sorry|stop|wait|what|when|where"
    "|who|why",
    "de": "aber|bitte|entschuldigung|halt|hallo|hilfe|langsamer|moment|nein|stop|stopp|wann|warte|warum|was|wer|wie"
    "|wieso|wo",
    "es": "alto|ayuda|cómo|cuándo|despacio|dónde|espera|espere|hola|no|para|pare|perdón|pero|qué|quién",
    "fr": "aide|arrête|arrêtez|attends|attendez|comment|mais|non|où|pardon|pourquoi|quand|qui|quoi|stop",
    "hi": "रुको|रुकिए|नहीं|क्या|क्यों|कहाँ|कब|कौन|कैसे|माफ़|मदद|धीरे|फिर|लेकिन",
    "it": "aiuto|alt|aspetta|aspetti|basta|chi|come|cosa|dove|fermo|ma|no|perché|piano|quando|scusa|scusi",
    "pt": "ajuda|como|desculpa|desculpe|devagar|espera|espere|mas|não|onde|para|pare|perdão|quando|quem|quê|socorro",
    "ja": "待って|ちょっと|すみません|いいえ|なに|何|なぜ|どうして|どこ|いつ|だれ|もう一度|ゆっくり|助けて|でも",
    "zh": "等等|等一下|停|不|不是|什么|为什么|哪里|谁|怎么|对不起|再说|慢一点|救命|但是",
}

# An echo has at least ECHO_WORDS words, and at least this share of them are the partner's words in the partner's order.
ECHO_LIKENESS = 0.75
ECHO_WORDS = 3


class Sound(Enum):
    """A sound over the partner's voice that is not a turn."""

    BACKCHANNEL = "mhm"
    NOISE = "a cough"
    ECHO = "the partner's voice, picked up from a loudspeaker"


def sound_in(transcript: Transcript, language: str, partner_says: str) -> Sound | None:
    """Which kind of sound `transcript` is, given the partner's words `partner_says`. None if it is a turn, or has no
    words."""
    if not transcript.text:
        return None
    if is_echo(transcript.text, partner_says):
        return Sound.ECHO
    if is_backchannel(transcript.text, language):
        return Sound.BACKCHANNEL
    return Sound.NOISE if is_unsure(transcript.words, language) else None


def may_become_sound(text: str, language: str, partner_says: str) -> bool:
    """Whether `text`, which may still grow, is a sound or may turn out to be one."""
    return is_backchannel(text, language, unfinished=True) or is_echo(text, partner_says)


def is_backchannel(text: str, language: str, *, unfinished: bool = False) -> bool:
    """Whether `text` only shows that the learner is listening. Empty text counts as such.

    unfinished: the result is True also if the next word may make it such a sound ("oh, I").
    """
    phrases = _of(BACKCHANNELS, language) or _ANY_LANGUAGE.split("|")
    sound = f"(?:{'|'.join(phrases)}|{NO_WORD}) "
    begins = "|".join(phrase.split()[0] for phrase in phrases if " " in phrase) if unfinished else ""
    return re.fullmatch(f"(?:{sound})*(?:(?:{begins}) )?", " ".join([*_plain(text), ""])) is not None


def is_unsure(words: Sequence[HeardWord], language: str) -> bool:
    """Whether these few words have so little confidence that they are probably a noise."""
    if not 0 < len(words) <= UNSURE_WORDS or _demands(words, language):
        return False
    return geometric_mean([max(word.confidence, 0.001) for word in words]) < UNSURE


def is_echo(text: str, partner_says: str) -> bool:
    """Whether `text` is the partner's voice, picked up from a loudspeaker: mostly the partner's words, in their
    order."""
    heard, said = _plain(text), _plain(partner_says)
    if len(heard) < ECHO_WORDS:
        return False
    matches = SequenceMatcher(None, heard, said, autojunk=False).get_matching_blocks()
    return sum(match.size for match in matches if match.size > 1) / len(heard) >= ECHO_LIKENESS


def _demands(words: Sequence[HeardWord], language: str) -> bool:
    return bool(set(_plain(" ".join(word.text for word in words))) & set(_of(DEMANDS, language)))


def _of(phrases: dict[str, str], language: str) -> list[str]:
    """The phrases for a BCP-47 tag; none if there is no list for that language."""
    listed = phrases.get(base(language))
    return listed.split("|") if listed else []


def _plain(text: str) -> list[str]:
    return re.findall(rf"{LETTER}+(?:'{LETTER}+)?", text.lower().replace("’", "'").replace("-", " "))
