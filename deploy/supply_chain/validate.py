"""Validates SBOMs with CycloneDX's own schema. `make sbom` runs it, in the environment of the lock supply-chain.txt."""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main() -> int:
    """Validate the SBOMs, and print the fault of each invalid one. Returns 1 if there is one, otherwise 0."""
    faults = 0
    for path in map(Path, sys.argv[1:]):
        if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()):
            faults += 1
            print(f"{path}: {str(fault)[:500]}", file=sys.stderr)
    print(f"{len(sys.argv) - 1} SBOMs, {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
