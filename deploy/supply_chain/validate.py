"""Validates SBOMs with CycloneDX's own schema. Runs in the environment of supply-chain.txt: `make sbom`."""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main() -> int:
    """Validate the SBOMs. Returns 1, and prints the faults, if there are any."""
    faults = 0
    for path in map(Path, sys.argv[1:]):
        if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()):
            faults += 1
            print(f"{path}: {str(fault)[:500]}", file=sys.stderr)
    print(f"{len(sys.argv) - 1} SBOMs, {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
