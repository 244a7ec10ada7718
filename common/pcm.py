"""The one form in which the processes exchange sound: 16-bit little-endian mono PCM."""

BYTES_PER_SAMPLE = 2
# Recognition listens for a voice in windows of this length (Silero takes 512 samples at 16 kHz). A part of a window is
# useless to it, so the gateway sends whole windows.
VOICE_WINDOW_S = 0.032
