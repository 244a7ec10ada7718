"""The one format in which the processes exchange sound: 16-bit little-endian mono PCM."""

BYTES_PER_SAMPLE = 2
# Recognition looks for a voice in windows of this length (Silero takes 512 samples at 16 kHz). It can't use part of a
# window, so the gateway sends whole windows.
VOICE_WINDOW_S = 0.032
