"""Numbers of recognition and synthesis that the gateway has to know, too, because it checks its clients' requests and
keeps the audio of a turn."""

from __future__ import annotations

# Both accept any sample rate in this range.
MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 8_000, 48_000

# Recognition: the silence after which a turn may be reported as probably over (the default of ASR_EAGER_SILENCE_MS),
# and the longest silence that recognition waits for before it ends a turn.
EAGER_SILENCE_MS, LONGEST_SILENCE_MS = 160, 10_000
# The bounds of ASR_MAX_TURN_MS. The upper one bounds the memory of a stream.
MIN_TURN_MS, MAX_TURN_MS = 500, 600_000
# The usual pause of an average learner. A learner with a longer one gets more time before a turn ends, and before help
# is offered.
AVERAGE_PAUSE_MS = 600
# A voice is noticed some windows after it began, and soft first sounds even later. So a turn also has this much audio
# from before the moment at which its voice seemed to begin.
PRE_ROLL_S = 0.3

# Synthesis: 1 is the voice's own speed.
MIN_SPEED, MAX_SPEED = 0.5, 2.0
MAX_TEXT_CHARS = 10_000
