"""The one form in which the processes exchange sound: 16-bit little-endian mono PCM."""

BYTES_PER_SAMPLE = 2
