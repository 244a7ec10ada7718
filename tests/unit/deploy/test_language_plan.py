"""`python -m deploy.plan --language`: which voice suits a language and this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from deploy import language_plan, plan
from deploy.language_plan import KOKORO, PIPER, hub_answers, voices_for, written
from deploy.machine_speed import MachineSpeed
from tts_service.engines import choose_engine

QUICK, SLOW = MachineSpeed(0.02, 0.03, 170.0), MachineSpeed(0.2, 0.2, 100.0)


@pytest.mark.parametrize(
    ("language", "speed", "has_hub", "names"),
    [
        ("es", QUICK, True, ["Kokoro", "Piper (es_ES-davefx-medium)"]),
        ("es", SLOW, True, ["Piper (es_ES-davefx-medium)", "Kokoro"]),  # the choice for small machines
        ("es", SLOW, False, ["Kokoro"]),
        ("es", None, True, ["Piper (es_ES-davefx-medium)", "Kokoro"]),
        ("de", QUICK, True, ["Piper (de_DE-thorsten-medium)"]),
        ("de", QUICK, False, []),
        ("hi", SLOW, True, ["Kokoro"]),
        ("xx", QUICK, True, []),
    ],
)
def test_a_small_machine_takes_pipers_voice_if_there_is_a_hub(
    language: str, speed: MachineSpeed | None, has_hub: bool, names: list[str]
) -> None:
    assert [voice.name for voice in voices_for(language, speed, has_hub=has_hub)] == names


def test_the_text_names_the_command_and_the_measured_times() -> None:
    said = written("es", voices_for("es", SLOW, has_hub=True), has_hub=True)
    take = "make run PROFILE=languages TTS_MODEL_NAME=es_ES-davefx-medium"
    assert said.startswith(f"the voice for 'es' on this machine: Piper (es_ES-davefx-medium): {take}\n")
    piper, kokoro = map(float, re.findall(r"about (\d+\.\d) s", said))
    assert piper < kokoro
    assert "need a model hub" in written("es", voices_for("es", SLOW, has_hub=False), has_hub=False)
    assert "a long pause" in written("es", voices_for("es", MachineSpeed(1, 1, 5), has_hub=True), has_hub=True)


def test_a_language_without_a_voice_names_those_there_are() -> None:
    assert "there are voices for en, es, fr, hi, it, ja, pt, zh; Piper's voices need" in written(
        "de", [], has_hub=False
    )
    assert "de" in written("xx", [], has_hub=True)


def test_every_voice_is_one_of_piper() -> None:
    assert {choose_engine(name) for name in PIPER.values()} == {"piper"}
    assert {name.partition("_")[0] for name in PIPER.values()} <= {*PIPER}
    assert {"en", "es", "fr", "it", "pt"} <= set(KOKORO)


@pytest.fixture(params=[200, 404])
def hub(request: pytest.FixtureRequest) -> Iterator[str]:
    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(request.param)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Hub) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_whether_the_hub_answers(hub: str) -> None:
    assert hub_answers({"HF_ENDPOINT": hub})
    assert not hub_answers({"HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "1"})
    assert not hub_answers({"HF_ENDPOINT": "http://127.0.0.1:1"})
    assert not hub_answers({"HF_ENDPOINT": "nonsense"})


def test_the_plan_takes_a_language(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(language_plan, "hub_answers", lambda _: True)
    monkeypatch.setattr(language_plan, "machine_speed", lambda _: SLOW)
    assert plan.main(["--language", "es-MX"]) == 0
    assert "TTS_MODEL_NAME=es_ES-davefx-medium" in capsys.readouterr().out
