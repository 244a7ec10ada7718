"""Words that fill a silence, by language.

Hesitation sounds (um, euh, äh) are never words of their language. Other fillers have a meaning in other places ("I like
it", "do you know her?"), so they count only if commas or the like set them off: "it was, you know, big". Each language
has its own table, since a hesitation sound of one language is a word of another: "um" is Portuguese for "a", "er" is
German for "he".
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from common.languages import base

_EDGE = ",;:.!?…—–、，。！？；：।"
_COMMA = ",;—–…、，；"  # a phrase next to one of these marks is inside a sentence


@dataclass(frozen=True, slots=True)
class FillerWords:
    """sounds: name → regular expression that a whole word must match. phrases: in their written form."""

    sounds: dict[str, str]
    phrases: tuple[str, ...] = ()

    def sound(self, word: str) -> str | None:
        """The name of a hesitation sound, if the lower-case word is one."""
        return next((name for name, form in self.sounds.items() if re.fullmatch(form, word)), None)

    def set_off(self, text: str) -> Counter[str]:
        """The phrases in `text` between punctuation marks or its ends, with a mark of _COMMA on at least one side."""
        found: Counter[str] = Counter()
        plain = text.lower().replace("’", "'")
        for phrase in self.phrases:
            words = r"\s+".join(map(re.escape, phrase.split()))
            for match in re.finditer(rf"(?:^|(?<=[{_EDGE}]))\s*{words}\s*(?=[{_EDGE}]|$)", plain):
                around = plain[max(0, match.start() - 1) : match.start()] + plain[match.end() : match.end() + 1]
                found[phrase] += any(edge in _COMMA for edge in around)
        return +found


_HUM = {"hmm": "h+m+", "mm": "m{2,}"}
_BY_LANGUAGE = {
    "en": FillerWords(
        {"um": "u+h*m+", "uh": "u+h+", "er": "e+r+", "erm": "e+r+m+", "ah": "a+h+", **_HUM},
        ("like", "you know", "i mean", "well", "sort of", "kind of"),
    ),
    "de": FillerWords(
        {"äh": "ä+h*", "ähm": "ä+h*m+", "öh": "ö+h*m*", **_HUM}, ("also", "halt", "sozusagen", "weißt du")
    ),
    "fr": FillerWords(
        {"euh": "e+u+h+", "heu": "h+e+u+", **_HUM}, ("ben", "bah", "tu vois", "tu sais", "genre", "quoi")
    ),
    "es": FillerWords({"eh": "e+h+", "em": "e+h*m+", **_HUM}, ("este", "pues", "o sea", "bueno", "sabes")),
    "it": FillerWords({"eh": "e+h+", "ehm": "e+h*m+", **_HUM}, ("cioè", "allora", "tipo", "sai", "insomma")),
    "pt": FillerWords(
        {"eh": "e+h+", "hum": "h+u+m+", "ahn": "a+h+n+", **_HUM}, ("tipo", "sabe", "né", "então", "quer dizer")
    ),
    "hi": FillerWords({"उम": "उम+", "अम": "अम+", "हम्म": "हम्म+"}, ("मतलब", "यानी", "वो", "तो")),
    "ja": FillerWords({}, ("えっと", "えーと", "ええと", "あの", "あのー", "その", "うーん", "なんか", "まあ")),
    "zh": FillerWords({"呃": "呃+", "嗯": "嗯+"}, ("那个", "这个", "就是", "就是说", "然后", "怎么说呢")),
    "nl": FillerWords({"uh": "u+h+", "eh": "e+h+", "uhm": "[eu]+h*m+", **_HUM}, ("nou", "weet je", "zeg maar", "dus")),
}
_OTHER = FillerWords(_HUM)


def fillers_of(language: str) -> FillerWords:
    """The table for a BCP-47 tag; for an unknown language, only the sounds that are words in no language."""
    return _BY_LANGUAGE.get(base(language), _OTHER)
