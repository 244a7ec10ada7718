"""`python -m deploy.supply_chain.audit PIP_AUDIT`: checks all locked Python packages for known vulnerabilities.

Asks pip-audit about every Python package of every image and environment. The locks may have several versions of a
package, for example for different machines. pip-audit refuses two versions in one file, so it runs once for the first
versions, once for the second ones, and so on.

Exit status: 0: no vulnerability is known. 1: at least one is known. 2: the vulnerabilities could not be looked up.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from deploy.supply_chain.locks import CONTENTS, Locked, read_locks

# What pip-audit says when it has no data about a package, or can't reach its source.
_NO_DATA = ("could not be audited", "ConnectionError", "ConnectTimeout", "ReadTimeout", "ServiceError")


def rounds(packages: Iterable[Locked]) -> list[list[Locked]]:
    """The packages in several lists, none of which has two versions of a package."""
    by_name = [list(group) for _, group in itertools.groupby(sorted(packages), lambda one: one.name)]
    columns = itertools.zip_longest(*by_name)
    return [[one for one in column if one] for column in columns]


def requirements(packages: Iterable[Locked]) -> str:
    """A requirements file with hashes."""
    return "".join(
        f"{one.name}=={one.version} {' '.join(f'--hash=sha256:{each}' for each in one.hashes)}\n" for one in packages
    )


def audit(pip_audit: str, packages: list[Locked], arguments: list[str]) -> int:
    """Run pip-audit once. Returns the exit status described above."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "requirements.txt"
        lock.write_text(requirements(packages))
        # Without --strict, it says "No known vulnerabilities found" even if it knows nothing about a package.
        fixed = ["--require-hashes", "--disable-pip", "--strict", "--progress-spinner", "off"]
        done = subprocess.run([pip_audit, *fixed, "-r", str(lock), *arguments], capture_output=True, text=True)
    print(done.stdout, end="")
    if done.returncode == 0:
        return 0
    last = done.stderr.strip().splitlines()[-1:] or [""]
    print(last[0], file=sys.stderr)
    return 2 if any(sign in done.stderr for sign in _NO_DATA) or not done.stdout.strip() else 1


def main() -> int:
    """Audit everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pip_audit")
    parser.add_argument(
        "arguments", nargs="*", help="arguments for pip-audit; write them after --, for example: -- -s osv"
    )
    given = parser.parse_args()
    locked = read_locks({lock for locks in CONTENTS.values() for lock in locks})
    every = [one for one in locked if one.registry == "pypi"]  # npm provides only files of voices, no Python package
    status = max(audit(given.pip_audit, packages, given.arguments) for packages in rounds(every))
    print(
        {
            0: f"audit: no vulnerability is known in {len(every)} packages",
            1: "audit: the packages above have known vulnerabilities; for each, run "
            "`UPGRADE_ARGS='--upgrade-package NAME' make lock`",
            2: "audit: the vulnerabilities could not be looked up (the line above says why); this needs PyPI, or "
            "OSV with ARGS='-- -s osv'",
        }[status],
        file=sys.stderr if status else sys.stdout,
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
