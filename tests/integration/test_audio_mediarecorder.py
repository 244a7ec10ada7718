"""What the MediaRecorder of a real Chromium writes is decoded to the sound that Chromium's microphone heard. A person's
speech survives each codec."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import async_playwright

from tests.browser.conftest import CHROMIUM
from tests.support.audio import Samples, adts, flac, hear, likeness, mp4, ogg, recorded, resampled, wav, webm
from tests.support.voices import say

LINE = "Yesterday I went to the market and I bought some apples."

RECORD = """async ([seconds, timeslice, channels, mimeType]) => {
    const audio = {echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: channels};
    const stream = await navigator.mediaDevices.getUserMedia({audio});
    const recorder = new MediaRecorder(stream, {mimeType});
    const blobs = [];
    recorder.ondataavailable = event => blobs.push(event.data);
    const stopped = new Promise(resolve => recorder.onstop = resolve);
    recorder.start(timeslice);
    await new Promise(resolve => setTimeout(resolve, seconds * 1000));
    recorder.stop();
    await stopped;
    stream.getTracks().forEach(track => track.stop());
    const buffers = await Promise.all(blobs.map(blob => blob.arrayBuffer()));
    return buffers.map(buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))));
}"""


@pytest.fixture
def page_url() -> Iterator[str]:
    """The URL of a page on 127.0.0.1, for which a browser allows the microphone."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>microphone</title>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


async def record(
    page_url: str, microphone: Path, *, seconds: float, timeslice_ms: int, channels: int, container: str
) -> list[bytes]:
    """The chunks that Chromium's MediaRecorder writes while the WAV `microphone` is its microphone."""
    flags = [
        *["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-first-run"],
        *["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = await browser.new_page()
        await page.goto(page_url)
        chunks = await page.evaluate(RECORD, [seconds, timeslice_ms, channels, f"audio/{container};codecs=opus"])
        await browser.close()
    return [frame for chunk in chunks if (frame := base64.b64decode(chunk))]


@pytest.mark.parametrize(
    ("timeslice_ms", "channels", "container"), [(100, 1, "webm"), (250, 2, "webm"), (250, 1, "mp4")]
)
async def test_chromiums_recording_is_what_its_microphone_heard(
    page_url: str, tmp_path: Path, timeslice_ms: int, channels: int, container: str
) -> None:
    spoken, rate_hz = say(LINE)
    pause = np.zeros(rate_hz // 2, np.int16)
    spoken = np.concatenate([pause, spoken, pause])
    microphone = tmp_path / "microphone.wav"
    microphone.write_bytes(wav(resampled(spoken, rate_hz, 48_000), 48_000))

    seconds = len(spoken) / rate_hz
    chunks = await record(
        page_url, microphone, seconds=seconds + 1, timeslice_ms=timeslice_ms, channels=channels, container=container
    )
    heard = await hear(chunks)

    assert not heard.errors
    assert (heard.codec, heard.source_sample_rate_hz) == (f"opus/{container}", 48_000)
    assert len(chunks) > seconds  # the recording came in slices
    assert len(heard.samples) > seconds * 16_000
    assert likeness(loudest(heard.samples), resampled(spoken, rate_hz, 16_000)) > 0.8
    assert (await hear([b"".join(chunks)])).pcm == heard.pcm


@pytest.mark.parametrize("make", [webm, ogg, mp4, adts, flac])
async def test_a_persons_speech_survives_the_codec(make: object) -> None:
    samples, rate_hz = recorded()
    assert callable(make)
    heard = await hear([make(resampled(samples, rate_hz, 48_000), channels=2)])
    assert not heard.errors
    assert likeness(heard.samples, resampled(samples, rate_hz, 16_000)) > 0.95


def loudest(samples: Samples, seconds: float = 1.5) -> Samples:
    """The loudest part. On a busy machine, the fake microphone may leave something out, which shifts later parts."""
    size = round(seconds * 16_000)
    energy = np.cumsum(np.concatenate([[0.0], samples.astype(np.float64) ** 2]))
    start = int(np.argmax(energy[size:] - energy[:-size]))
    return samples[start : start + size]
