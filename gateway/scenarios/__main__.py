"""Write the JSON Schema of a scenario to standard output, or check the files of a folder before a gateway reads them.

python -m gateway.scenarios > docs/schemas/scenario.schema.json
python -m gateway.scenarios FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.json_schema import as_published
from gateway.scenarios.library import read_folder
from gateway.scenarios.scenario import schema


def main(arguments: list[str]) -> int:
    """Run the command. Returns the exit status: 1 if a file is not a valid scenario, or there is no such folder."""
    if not arguments:
        sys.stdout.write(as_published(schema()))
        return 0
    folder = Path(arguments[0])
    if not folder.is_dir():
        sys.stderr.write(f"there is no folder {folder}\n")
        return 1
    library = read_folder(folder)
    for problem in library.problems:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write(f"usable scenarios: {len(library.scenarios)}; files with errors: {len(library.problems)}\n")
    return 1 if library.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
