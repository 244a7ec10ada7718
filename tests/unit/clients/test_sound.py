"""The microphone and the speaker: sounddevice and PortAudio, on a silent sound card that ALSA simulates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SILENT = "pcm.!default { type null }\npcm.silent { type null }\n"
NOTHING = "pcm.broken { type hw card 99 }\n"
USE_BOTH = """
import asyncio
from aitalk.client.events import Audio
from aitalk.client.playback import PlaybackBuffer
from aitalk.client.sound import PortAudio

async def main():
    card, buffer = PortAudio(), PlaybackBuffer()
    with card.microphone() as microphone:
        frames = microphone.frames()
        recorded = [await anext(frames) for _ in range(3)]
        print(microphone.rate_hz, [len(frame) for frame in recorded])
    buffer.push(Audio("a", 24000, bytes(4800)))
    with card.speaker(24000, buffer.take) as speaker:
        assert 0 <= speaker.latency_s < 1
        while not buffer.empty:
            await asyncio.sleep(0.005)
    print(buffer.heard().played_ms)

asyncio.run(main())
"""
COMMAND = "from aitalk.client.cli.main import main; main(['talk'])"


def run(code: str, devices: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the code with these devices of ALSA."""
    config = folder / "asound.conf"
    config.write_text(devices)
    environment = {**os.environ, "ALSA_CONFIG_PATH": str(config), "XDG_STATE_HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.timeout(60)
def test_recording_and_playing(tmp_path: Path) -> None:
    done = run(USE_BOTH, SILENT, tmp_path)
    assert done.stderr == ""
    assert done.stdout == "16000 [1280, 1280, 1280]\n100.0\n"


def test_without_a_sound_card_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = run(COMMAND, NOTHING, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("aitalk: no microphone can be used")
    assert "aitalk talk --text" in done.stderr


def test_without_the_package_the_command_names_the_extra(tmp_path: Path) -> None:
    done = run(f"import sys; sys.modules['sounddevice'] = None; {COMMAND}", NOTHING, tmp_path)
    assert done.returncode == 1
    assert "pip install 'aitalk[audio]'" in done.stderr
