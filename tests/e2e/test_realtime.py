"""The official `openai` client, unchanged, talks with the whole mesh over the Realtime API."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tests.support.audio import resampled
from tests.support.mesh import ROOT, Mesh
from tests.support.realtime import RealtimeClient, realtime
from tests.support.realtime_steps import respond, retrieve, session_id_of, write
from tests.support.transcription import transcribe, word_error_rate
from tests.support.voices import say

LINE = "Yesterday I went to the market with my sister and we bought fresh vegetables."
INTERRUPTION = "Could you please tell me something about your favourite book?"
TRANSCRIPTION = "conversation.item.input_audio_transcription.completed"
TRANSCRIBED: dict[str, Any] = {"audio": {"input": {"transcription": {"model": "whisper-1", "language": "en"}}}}


def pcm(text: str, silence_s: float = 1.5) -> bytes:
    """The text as speech, then silence, as 16-bit PCM at 24 kHz."""
    return resampled(*say(text), 24_000).tobytes() + bytes(int(silence_s * 24_000) * 2)


async def next_done(client: RealtimeClient, after: int = 0) -> dict[str, Any]:
    return dict((await client.wait_for("response.done", after=after, timeout_s=60))["response"])


async def test_a_spoken_turn_is_understood_and_answered_aloud(mesh: Mesh) -> None:
    async with realtime(mesh.http) as client:
        await client.update(**TRANSCRIBED)
        await client.say(pcm(LINE))
        heard = await client.wait_for(TRANSCRIPTION)
        response = await next_done(client)
        text = response["output"][0]["content"][0]["transcript"]
        assert response["status"] == "completed"
        assert response["usage"]["output_tokens"] > 0
        assert word_error_rate([LINE], [heard["transcript"]]) <= 0.1
        assert word_error_rate([text], [transcribe(np.frombuffer(client.audio(), np.int16), 24_000)]) <= 0.2


async def test_the_learner_interrupts_and_the_client_truncates(mesh: Mesh) -> None:
    async with realtime(mesh.http) as client:
        await client.update(**TRANSCRIBED)
        await client.say(pcm(LINE))
        await client.wait_for("response.output_audio.delta", timeout_s=60)
        await asyncio.sleep(0.7)
        await client.say(pcm(INTERRUPTION), pause_s=0.1)
        await client.wait_for(TRANSCRIPTION, where=lambda event: "favo" in event["transcript"])
        item_id = client.of("response.output_audio.delta")[0]["item_id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=600)
        assert (await client.wait_for("conversation.item.truncated"))["audio_end_ms"] == 600
        await client.send("conversation.item.retrieve", item_id=item_id)
        left = (await client.wait_for("conversation.item.retrieved"))["item"]["content"][0]["transcript"]
        said = "".join(
            e["delta"] for e in client.of("response.output_audio_transcript.delta") if e["item_id"] == item_id
        )
        assert said.startswith(left)
        assert len(left) < len(said)
        second = await client.wait_for("response.done", where=lambda event: not _is_of(event, item_id), timeout_s=60)
        assert second["response"]["status"] == "completed"


def _is_of(event: dict[str, Any], item_id: str) -> bool:
    return bool(event["response"]["output"][0]["id"] == item_id)


async def test_the_client_ends_the_turn_of_a_transcription_session(mesh: Mesh) -> None:
    async with realtime(mesh.http, model=None, intent="transcription") as client:
        manual: Any = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
        await client.send("session.update", session=manual)
        await client.wait_for("session.updated")
        await client.say(pcm(LINE, silence_s=0))
        await client.send("input_audio_buffer.commit")
        heard = await client.wait_for(TRANSCRIPTION)
        assert word_error_rate([LINE], [heard["transcript"]]) <= 0.1
        assert heard["usage"]["seconds"] > 3


async def test_after_a_failed_reply_and_a_lost_connection_the_session_goes_on(mesh: Mesh) -> None:
    async with realtime(mesh.http) as client:
        await client.update(output_modalities=["text"])
        await write(client, "word " * 6000)
        failed = await respond(client)
        assert (failed["status"], failed["status_details"]["error"]["code"]) == ("failed", "invalid_input")
        item_id, session_id = await write(client, "My name is Maria."), session_id_of(client)
        assert client.of("error") == []
    async with realtime(mesh.http, session_id=session_id) as again:
        await again.update(output_modalities=["text"])
        assert session_id_of(again) == session_id
        assert (await retrieve(again, item_id))["content"][0]["text"] == "My name is Maria."
        assert (await respond(again))["status"] == "completed"


@pytest.mark.parametrize("page", ["README.md", "docs/realtime.md"])
def test_the_example_of_the_page_works_as_printed(mesh: Mesh, page: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    code = next(block for block in blocks if "realtime.connect" in block)
    code = code.replace("http://localhost:8000", mesh.http)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90, check=True)
    assert len(ran.stdout.split()) > 2
