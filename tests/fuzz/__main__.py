"""`make fuzz TIME=60`: gives random bytes to the targets, guided by the code that they reach (Atheris, libFuzzer).

    python -m tests.fuzz --time 60              all targets, which share the time
    python -m tests.fuzz --only wav --time 600  only this target

It begins with the corpus in tests/fuzz/corpus. It keeps inputs that reach new code in build/fuzz, and the next run goes
on from there. If an input makes a target fail, it writes the input there, as TARGET-crash-… or TARGET-timeout-…, and
the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path("build/fuzz")
SLOWEST_S = 10
MEMORY_MB = 2048
MAX_BYTES = 4096


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--time", type=int, default=60, help="seconds for all targets together")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random bytes; 0: another seed in each run")
    parser.add_argument("--only", nargs="+", help="names of targets")
    parser.add_argument("--target", help="fuzz only this target, in this process; further arguments go to libFuzzer")
    options, rest = parser.parse_known_args()
    if options.target:
        _fuzz(options.target, rest)
        return
    names = options.only or sorted(path.name for path in CORPUS.iterdir())
    failed = [name for name in names if not _run(name, max(1, options.time // len(names)), options.seed)]
    if failed:
        sys.exit(f"faults were found in: {', '.join(failed)}; the inputs are in {FOUND}/")
    print(f"no fault in {', '.join(names)}")


def _run(name: str, seconds: int, seed: int) -> bool:
    """Fuzz a target in a process of its own. Returns whether it found no fault."""
    kept = FOUND / name
    kept.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={SLOWEST_S}", f"-rss_limit_mb={MEMORY_MB}"]
    places = [f"-artifact_prefix={FOUND}/{name}-", str(kept), str(CORPUS / name)]
    command = [sys.executable, "-m", "tests.fuzz", "--target", name, f"-max_len={MAX_BYTES}", *limits, *places]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True)
    lines = done.stderr.splitlines()
    print(f"{name}: {next((line for line in reversed(lines) if line.startswith('Done ')), 'it failed')}", flush=True)
    if done.returncode:
        print("\n".join(lines[-40:]), flush=True)
    return done.returncode == 0


def _fuzz(name: str, arguments: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["gateway", "asr_service", "llm_service", "tts_service"]):
        from tests.fuzz.targets import TARGETS

    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
