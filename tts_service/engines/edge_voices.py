"""The voices of edge-tts that are assumed if the service can't be reached: some for each common language."""

from __future__ import annotations

KNOWN_VOICES = (
    *("en-US-AriaNeural", "en-US-AvaMultilingualNeural", "en-US-AndrewMultilingualNeural"),
    *("en-US-EmmaMultilingualNeural", "en-US-BrianMultilingualNeural", "en-US-JennyNeural", "en-US-GuyNeural"),
    *("en-GB-SoniaNeural", "en-GB-RyanNeural", "en-AU-NatashaNeural", "en-IN-NeerjaNeural"),
    *("de-DE-KatjaNeural", "de-DE-ConradNeural", "fr-FR-DeniseNeural", "fr-FR-HenriNeural"),
    *("es-ES-ElviraNeural", "es-ES-AlvaroNeural", "es-MX-DaliaNeural", "it-IT-ElsaNeural", "it-IT-DiegoNeural"),
    *("pt-BR-FranciscaNeural", "pt-PT-RaquelNeural", "nl-NL-ColetteNeural", "pl-PL-ZofiaNeural"),
    *("sv-SE-SofieNeural", "nb-NO-PernilleNeural", "da-DK-ChristelNeural", "fi-FI-NooraNeural"),
    *("tr-TR-EmelNeural", "uk-UA-PolinaNeural", "ar-EG-SalmaNeural", "hi-IN-SwaraNeural"),
    *("ja-JP-NanamiNeural", "ko-KR-SunHiNeural", "zh-CN-XiaoxiaoNeural", "zh-CN-YunxiNeural"),
)
