"""`python -m deploy.grafana`: writes Grafana's dashboards, deploy/grafana/dashboards/*.json, from the code here."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.grafana.boards import DASHBOARDS
from deploy.grafana.panels import to_grafana

FOLDER = Path(__file__).parent / "dashboards"


def files() -> dict[Path, str]:
    """The content of each file, by its name."""
    return {FOLDER / f"{one.uid}.json": json.dumps(to_grafana(one), indent=1) + "\n" for one in DASHBOARDS}


def main() -> None:
    """Write the dashboards."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
