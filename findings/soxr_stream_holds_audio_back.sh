#!/usr/bin/env bash
# Finding: soxr's stream resampler holds back up to 118 ms of sound, five to ten times as much as its filter needs.
#
# Version: soxr 1.1.0 (Python), numpy 2.4.6, CPython 3.11, Linux x86-64.
# Expected: a stream in pieces of 20 ms comes out later by half of the filter's length, always the same few milliseconds.
# Seen: the stream comes out in blocks. Between two blocks the delay grows to 115 ms (8 to 16 kHz, quality HQ), 36 ms
#   (48 to 16 kHz) and 42 ms (22.05 to 24 kHz). Quality LQ has a shorter filter (4 ms), but still holds back 61 ms at
#   8 kHz. MQ holds back more than HQ, and QQ nothing.
# Who is hurt: a recogniser of telephone audio that resamples its stream hears the end of each turn a tenth of a second
#   late, and a voice that is resampled begins up to 42 ms late.
# Valid input: silence, since only the number of samples counts. Fails if a delay changes by more than 1 ms.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check soxr==1.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import soxr

PIECE_MS, PIECES, SETTLED = 20, 150, 50
SEEN_MS = {
    # (from Hz, to Hz, quality): least and most that is held back after a piece
    (8_000, 16_000, "QQ"): (0, 0),
    (8_000, 16_000, "LQ"): (4, 61),
    (8_000, 16_000, "MQ"): (10, 118),
    (8_000, 16_000, "HQ"): (12, 115),
    (16_000, 8_000, "HQ"): (12, 115),
    (48_000, 16_000, "HQ"): (6, 36),
    (22_050, 24_000, "HQ"): (5, 42),
}


def held_back_ms(from_hz: int, to_hz: int, quality: str) -> tuple[float, float]:
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality=quality)
    out, delays = 0, []
    for number in range(1, PIECES + 1):
        out += len(stream.resample_chunk(np.zeros(from_hz * PIECE_MS // 1000, np.float32)))
        delays.append(number * PIECE_MS - 1000 * out / to_hz)
    return min(delays[SETTLED:]), max(delays[SETTLED:])


changed = False
for (from_hz, to_hz, quality), seen in SEEN_MS.items():
    least, most = held_back_ms(from_hz, to_hz, quality)
    same = abs(least - seen[0]) <= 1 and abs(most - seen[1]) <= 1
    changed |= not same
    print(f"{from_hz} -> {to_hz} Hz, {quality}: {least:.0f} to {most:.0f} ms held back{'' if same else f'; was {seen}'}")
sys.exit("this has changed" if changed else 0)
PYTHON
