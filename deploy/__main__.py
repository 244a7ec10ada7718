"""`python -m deploy`, as `make run` starts it: `deploy.mesh`, unless another mesh uses the same folder.

The lock of the folder is checked before `deploy.mesh` is imported: the import takes a second of processor time, which
is many seconds on a busy machine, such as one on which a mesh is already running.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deploy import data_folder
from deploy.configuration import configuration


def folder_problem() -> str:
    """Why the mesh can't use its Valkey's folder; empty if it can, or if `deploy.mesh` has to find out."""
    try:
        environment = configuration()
    except ValueError:
        return ""
    folder = Path(environment.get("VALKEY_DATA_DIR") or data_folder.DEFAULT)
    starts_valkey = not environment.get("REDIS_URL")
    return data_folder.problem_with(folder) if starts_valkey and data_folder.is_locked(folder) else ""


def main() -> int:
    """Run until the mesh ends. Returns the exit status."""
    is_start = not sys.argv[1:]  # --fetch and --dry-run start nothing
    if is_start and (problem := folder_problem()):
        sys.exit(f"can't start: {problem}")
    from deploy import mesh

    return mesh.main()


if __name__ == "__main__":
    sys.exit(main())
