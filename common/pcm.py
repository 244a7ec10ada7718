"""The one form in which the processes exchange sound: 16-bit little-endian mono PCM."""

BYTES_PER_SAMPLE = 2
# Recognition listens for a voice in windows of this length (Silero takes 512 samples at 16 kHz). A part of a window
# tells it nothing yet, so the gateway sends whole ones.
VOICE_WINDOW_S = 0.032
