"""A Piper voice as two networks, kept on the disk.

A VITS model is two networks in one file. The first reads the phonemes and decides how long each one lasts and what each
frame sounds like. The second turns frames into sound. `cut_in_two` separates them. `kept_halves` keeps both in a
folder, with the weights in files of their own: ONNX Runtime maps such a file into memory and needs no copy of it. The
bundled voice then takes 45 MB instead of 200 MB, and loads in half the time.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from tts_service.engines.onnx_sessions import Network

if TYPE_CHECKING:
    import onnx  # takes 15 MB, and is needed only while a voice is cut

logger = logging.getLogger(__name__)

FRAMES, SPEAKER, SOUND = "frames", "sid", "output"  # names of tensors

_SOUND_BEGINS = "/dec/conv_pre/Conv"  # the node of the second network that takes the frames
_LAYOUT = 1  # version of the kept files; if it changes, they are made anew


@dataclass(frozen=True, slots=True)
class Halves:
    """frames: makes frames from phonemes (and, if it can, reports the length of each phoneme). sound: makes sound from
    frames; None: the voice can't be cut, and `frames` makes the sound."""

    frames: Network
    sound: Network | None


def kept_halves(voice: Path, folder: Path) -> Halves:
    """The networks of the file `voice`, as files in `folder`. If they aren't there yet, the voice is cut now.

    If several processes need them at once, one cuts and the others wait. If the files can't be written, the networks
    are in memory only.
    """
    found = voice.stat()
    kept = folder / f"{voice.stem}-{found.st_size}-{found.st_mtime_ns}-{_LAYOUT}"
    try:
        with FileLock(folder / f".{kept.name}.lock"):  # makes the folder, too
            if not kept.is_dir():
                _keep(voice, kept)
    except OSError as error:
        logger.warning("can't keep the parts of the voice %s in %s (%s), so it takes more memory", voice, folder, error)
        return Halves(*cut_in_two(_loaded(voice)))
    sound = kept / "sound.onnx"
    return Halves(kept / "frames.onnx", sound if sound.is_file() else None)


def _keep(voice: Path, kept: Path) -> None:
    import onnx

    frames, sound = cut_in_two(_loaded(voice))
    unfinished = kept.with_name(f".{kept.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # left by a process that was killed
    unfinished.mkdir()
    try:
        for name, network in (("frames", frames), ("sound", sound)):
            if network:
                path = str(unfinished / f"{name}.onnx")
                onnx.save(network, path, save_as_external_data=True, location=f"{name}.weights")
                (unfinished / f"{name}.weights").chmod(0o644)  # like the other files of the folder
        unfinished.rename(kept)  # atomic: nobody sees an incomplete folder
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _loaded(voice: Path) -> onnx.ModelProto:
    import onnx

    return onnx.load(str(voice))


def cut_in_two(model: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto | None]:
    """Two networks: one makes frames (and, if it can be found, the length of each phoneme), the other turns frames into
    sound. If `model` can't be cut, the second is None and the first makes the sound."""
    import onnx
    from piper.patch_voice_with_alignment import add_alignment_output

    graph = model.graph
    lengths = {output for node in graph.node if node.op_type == "Ceil" for output in node.output}
    told = sorted(lengths) if len(lengths) == 1 else []
    cut = next((node.input[0] for node in graph.node if node.name == _SOUND_BEGINS), None)
    names = [one.name for one in graph.input]
    if cut is None or [one.name for one in graph.output] != [SOUND]:
        if told:
            add_alignment_output(model)
        return model, None
    extract = onnx.utils.Extractor(model)
    frames = extract.extract_model(names, [cut, *told])
    sound = extract.extract_model([cut, *(name for name in names if name == SPEAKER)], [SOUND])
    for node in sound.graph.node:
        node.input[:] = [FRAMES if name == cut else name for name in node.input]
    sound.graph.input[0].name = FRAMES
    return frames, sound
