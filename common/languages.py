"""The languages, for all processes: their names, and where a tag differs from that of a model or a list.

Tags are BCP-47: `en`, `pt-BR`. Some languages have two tags; `base` gives the usual one of them.
"""

from __future__ import annotations

NAMES = {
    "ar": "Arabic",
    "bn": "Bangla",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nb": "Norwegian Bokmål",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""The English names of the usual languages. `gateway.languages.names` knows those of all others."""
WHISPER_CODES = {"nb": "no", "fil": "tl", "jv": "jw"}
"""Languages for which Whisper has another code."""
WORDFREQ_LISTS = {"hr": "sh", "sr": "sh", "bs": "sh"}
"""Languages for which the package wordfreq has a list under another name."""
UNSPACED = frozenset({"bo", "ja", "km", "lo", "my", "th", "yue", "zh"})
"""Languages that are written without spaces between words."""
_OTHER_TAGS = {"no": "nb", "tl": "fil", "jw": "jv", "iw": "he", "in": "id", "cmn": "zh"}


def base(tag: str) -> str:
    """The language of a tag, without its region: `pt` for `pt-BR`, `nb` for `no`. Empty for an empty tag."""
    language = tag.partition("-")[0].lower()
    return _OTHER_TAGS.get(language, language)
