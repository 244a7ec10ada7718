"""`make verify-k8s`: builds every overlay and validates it strictly against several Kubernetes versions, the types of
KEDA and cert-manager, and our own rules (`policy.py`). Prints the faults. If there are any, the exit status is 1."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from deploy.k8s.policy import problems

HERE = Path(__file__).parent
VERSIONS = ("1.32", "1.34", "1.37")
CUSTOM = ("keda.sh/", "cert-manager.io/")


def main() -> int:
    """Verify all overlays. Returns the exit status."""
    found = 0
    for overlay in sorted(path.parent for path in HERE.glob("overlays/*/kustomization.yaml")):
        documents = build(overlay)
        faults = [*invalid(documents), *custom_faults(documents), *problems(documents)]
        print(f"{overlay.name}: {len(documents)} objects, {len(faults)} faults")
        for fault in faults:
            print(f"  {fault}")
        found += len(faults)
    return int(found > 0)


def build(overlay: Path) -> list[dict[str, Any]]:
    """The documents that `kubectl apply -k` would send."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        sys.exit("verify-k8s needs kubectl 1.27 or newer on the PATH: https://kubernetes.io/docs/tasks/tools/")
    built = subprocess.run([kubectl, "kustomize", str(overlay)], capture_output=True, text=True, check=False)
    if built.returncode:
        sys.exit(f"{overlay.name}: {built.stderr.strip()}")
    return [one for one in yaml.safe_load_all(built.stdout) if one]


def invalid(documents: list[dict[str, Any]]) -> Iterator[str]:
    """What the Kubernetes API would refuse, including unknown fields."""
    for document in documents:
        if document["apiVersion"].startswith(CUSTOM):
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                where = ".".join(str(part) for part in error.path)
                name = document["metadata"]["name"]
                yield f"{document['kind']} {name}, Kubernetes {version}: {where}: {error.message}"


def custom_faults(documents: list[dict[str, Any]]) -> list[str]:
    """What KEDA and cert-manager would refuse."""
    custom = [one for one in documents if one["apiVersion"].startswith(CUSTOM)]
    checked = subprocess.run(
        ["node", "check.mjs"],  # noqa: S607
        cwd=HERE / "crds",
        input=json.dumps(custom),
        capture_output=True,
        text=True,
        check=False,
    )
    if checked.returncode:
        sys.exit(f"crds/check.mjs: {checked.stderr.strip()}")
    faults: list[str] = json.loads(checked.stdout)
    return faults


if __name__ == "__main__":
    sys.exit(main())
