"""Kyutai's speech-to-text, from loading to words, on a checkpoint of random weights. Its words mean nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_service.audio import Audio
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions, transcribe_all
from asr_service.engines import choose_engine, create_engine
from asr_service.engines.kyutai_stt import KyutaiStt
from common.errors import EngineError
from tests.contract.test_asr_engines import test_next_to_no_audio_has_no_words  # noqa: F401  run here, too
from tests.engines.tiny_kyutai_stt import save


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)  # a model this small is slower on several threads
    return save(tmp_path_factory.mktemp("stt-tiny-en-trfs"))


@pytest.fixture(scope="module")
def settings(folder: Path) -> AsrSettings:
    return AsrSettings(_env_file=None, asr_model_name=str(folder), asr_device="cpu")


@pytest.fixture(scope="module")
def engine(settings: AsrSettings) -> Iterator[KyutaiStt]:
    loaded = KyutaiStt(settings)
    loaded.load()
    yield loaded
    loaded.close()


def noise(seconds: float, seed: int = 0) -> Audio:
    return np.random.default_rng(seed).normal(0, 0.3, round(16_000 * seconds)).astype(np.float32)


def test_a_folder_with_such_weights_is_for_this_engine(folder: Path) -> None:
    assert choose_engine(str(folder)) == "kyutai-stt"


@pytest.mark.parametrize("quality", ["partial", "final"])
def test_words_have_times_in_order_within_the_audio(engine: KyutaiStt, quality: Any) -> None:
    audio = noise(4.0)
    heard = engine.transcribe(audio, DecodeOptions("en", quality))
    assert len(heard.words) > 5
    assert "".join(word.text for word in heard.words).strip() == heard.text
    times = list(chain.from_iterable((word.start, word.end) for word in heard.words))
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= len(audio)
    assert len(set(times)) > 5
    assert all(0 < word.confidence <= 1 for word in heard.words)
    assert heard.language == "en"


def test_it_hears_the_audio_and_always_the_same_in_it(engine: KyutaiStt) -> None:
    one, other = noise(3.0, seed=1), noise(3.0, seed=2)
    heard = [engine.transcribe(audio, DecodeOptions()) for audio in (one, one, other)]
    assert heard[0] == heard[1]
    assert heard[0].text != heard[2].text


def test_a_batch_has_the_words_that_each_would_have_alone(engine: KyutaiStt) -> None:
    requests = [(noise(seconds, seed), DecodeOptions()) for seed, seconds in enumerate((1.0, 3.3, 0.5, 0.0, 2.0))]
    alone = [engine.transcribe(*request) for request in requests]
    for one, other in zip(transcribe_all(engine, requests), alone, strict=True):
        assert one.text == other.text
        assert [(word.start, word.end) for word in one.words] == [(word.start, word.end) for word in other.words]
        assert [word.confidence for word in one.words] == pytest.approx(
            [word.confidence for word in other.words], abs=1e-3
        )


def test_long_audio_is_heard_to_its_end(engine: KyutaiStt) -> None:
    audio = noise(62.0)
    audio[45 * 16_000 : 46 * 16_000] = 0  # the audio may be cut here
    heard = engine.transcribe(audio, DecodeOptions())
    times = list(chain.from_iterable((word.start, word.end) for word in heard.words))
    assert times == sorted(times)
    assert times[-1] > 58 * 16_000


def test_cancelled_work_is_left_undone(engine: KyutaiStt) -> None:
    asked = 0

    def after_some_frames() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5

    assert engine.transcribe(noise(20.0), DecodeOptions(is_cancelled=after_some_frames)).text == ""
    assert asked < 15  # the audio has 250 frames


def test_of_a_batch_the_others_go_on(engine: KyutaiStt) -> None:
    heard = engine.transcribe_batch(
        [(noise(2.0), DecodeOptions(is_cancelled=lambda: True)), (noise(2.0), DecodeOptions())]
    )
    assert [bool(each.text) for each in heard] == [False, True]


def test_it_says_what_it_is(engine: KyutaiStt, folder: Path) -> None:
    description = engine.describe()
    assert (description.engine, description.model) == ("kyutai-stt", str(folder))
    assert (description.device, description.dtype) == ("cpu", "float32")


def test_the_trial_in_a_child_process_succeeds_and_the_engine_itself_is_taken(
    settings: AsrSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    tried = create_engine(settings)
    tried.load()
    assert tried.describe().engine == "kyutai-stt"
    assert tried.describe().fallback_reason == ""
    assert tried.transcribe(noise(1.0), DecodeOptions()).text
    tried.close()


def test_weights_that_are_broken_are_an_engine_error(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(
            file.read_bytes()[:500] if file.suffix == ".safetensors" else file.read_bytes()
        )
    with pytest.raises(EngineError, match="can't be loaded on cpu"):
        KyutaiStt(AsrSettings(_env_file=None, asr_model_name=str(tmp_path), asr_device="cpu")).load()
