"""`make run` starts `python -m deploy`, which runs `deploy.mesh`, unless another mesh uses the same data folder.

The lock of the folder is checked before `deploy.mesh` is imported: the import takes a second of processor time, which
is many seconds on a busy machine, such as one on which a mesh is already running.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deploy import data_folder
from deploy.configuration import configuration


def take_folder() -> None:
    """Lock the folder of the Valkey that will start, until this process ends. Exits if another mesh uses it.

    `deploy.mesh` reports everything else that may be wrong.
    """
    try:
        environment = configuration()
    except ValueError:
        return
    if environment.get("REDIS_URL"):
        return  # no Valkey starts here
    folder = Path(environment.get("VALKEY_DATA_DIR") or data_folder.DEFAULT)
    if data_folder.is_locked(folder) and (problem := data_folder.problem_with(folder)):
        sys.exit(f"can't start: {problem}")
    try:
        data_folder.lock_for_run(folder)
    except data_folder.FolderInUseError as error:
        sys.exit(f"can't start: {data_folder.what_to_do(error, folder)}")
    except OSError:
        return


def main() -> int:
    """Run until the mesh ends. Returns the exit status."""
    if not sys.argv[1:]:  # --fetch and --dry-run start nothing
        take_folder()
    from deploy import mesh

    return mesh.main()


if __name__ == "__main__":
    sys.exit(main())
