"""The bundled voice speaks a sentence in pieces: the sound and the lengths of the phonemes are the same as in one
piece."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from piper.voice import AudioChunk, PiperVoice

from bench.models import VOICE, voice_folder
from tests.support.mesh import ROOT
from tts_service.engines.piper_halves import cut_in_two, kept_halves
from tts_service.engines.piper_model import PiperModel, pieces_of

PATH = voice_folder() / f"{VOICE}.onnx"
FOLDER = ROOT / "models" / "piper"
TEXT = "Yesterday, Doctor Smith walked along the river with his two dogs, and it was warm."


@dataclass
class Still:
    """A model's session without random noise, so that it always gives the same sound."""

    session: onnxruntime.InferenceSession

    def run(self, outputs: None, inputs: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        still = {"scales": np.array([0.0, inputs["scales"][1], 0.0], np.float32)}
        return list(self.session.run(outputs, inputs | still))


def still_model(path: Path = PATH, folder: Path = FOLDER) -> PiperModel:
    model = PiperModel(path, folder)
    model._voice.session = Still(model._voice.session)
    return model


def spoken(model: PiperModel) -> list[NDArray[np.float32]]:
    (phonemes,) = model.phonemize(TEXT)
    return [pcm for pcm, _ in model.speak(phonemes, speaker=None, length_scale=1.0).pieces]


@cache
def pieces_said() -> list[NDArray[np.float32]]:
    """The bundled voice's sound, in pieces."""
    return spoken(still_model())


@cache
def library_said() -> AudioChunk:
    """The library's sound with the same voice, and the length of each phoneme."""
    voice = PiperVoice.load(PATH, include_alignments=True)
    voice.session = Still(voice.session)
    (whole,) = voice.synthesize(TEXT, include_alignments=True)
    return whole


def test_the_pieces_are_what_the_whole_file_says() -> None:
    whole, pieces = library_said(), pieces_said()
    assert len(pieces) > 2
    assert len(pieces[0]) < len(pieces[1]) < sum(map(len, pieces)) / 4
    together = np.concatenate(pieces)
    # The library scales the sound by its loudest sample.
    assert together / np.abs(together).max() == pytest.approx(whole.audio_float_array, abs=1e-4)


def test_lengths_are_those_that_the_library_tells() -> None:
    whole, model = library_said(), still_model()
    sentence = model.speak(model.phonemize(TEXT)[0], speaker=None, length_scale=1.0)
    assert whole.phoneme_alignments
    assert sentence.lengths == tuple(part.num_samples for part in whole.phoneme_alignments)
    assert sum(sentence.lengths) == sum(len(pcm) for pcm, _ in sentence.pieces)


def test_a_file_that_cannot_be_cut_speaks_whole_sentences(tmp_path: Path) -> None:
    model = onnx.load(str(PATH))
    for node in model.graph.node:
        node.name = ""  # some exporters write no names
    path = tmp_path / PATH.name
    onnx.save(model, str(path))
    Path(f"{path}.json").write_bytes(Path(f"{PATH}.json").read_bytes())
    assert cut_in_two(model)[1] is None
    whole = still_model(path, tmp_path)
    (said,) = spoken(whole)
    assert said == pytest.approx(np.concatenate(pieces_said()), abs=1e-4)
    assert whole.speak(whole.phonemize(TEXT)[0], speaker=None, length_scale=1.0).lengths


def test_the_halves_of_a_voice_are_made_once_and_again_when_its_file_changes(tmp_path: Path) -> None:
    voice = tmp_path / PATH.name
    voice.write_bytes(PATH.read_bytes())
    first = kept_halves(voice, tmp_path / "kept")
    assert isinstance(first.frames, Path)
    made = first.frames.stat().st_mtime_ns
    assert kept_halves(voice, tmp_path / "kept") == first
    assert first.frames.stat().st_mtime_ns == made
    os.utime(voice, ns=(1, 1))
    assert kept_halves(voice, tmp_path / "kept") != first


def test_in_a_folder_that_cannot_be_written_the_voice_speaks_from_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    in_memory = spoken(still_model(PATH, tmp_path / "file"))
    assert np.concatenate(in_memory) == pytest.approx(np.concatenate(pieces_said()), abs=1e-4)


@pytest.mark.parametrize("frames", [1, 31, 32, 63, 64, 65, 95, 96, 97, 337, 5_000])
def test_pieces_cover_the_sentence_a_short_one_first(frames: int) -> None:
    pieces = pieces_of(frames)
    assert [begin for begin, _ in pieces] == [0, *(end for _, end in pieces[:-1])]
    assert pieces[-1][1] == frames
    first, *others = (end - begin for begin, end in pieces)
    assert first == 32 or not others
    assert all(32 <= length <= 64 for length in others)
    assert max(others, default=0) - min(others, default=0) <= 1
