"""The third-party packages with model weights: who made model and package, the licence, and the hash of the weights."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).parent / "weights.toml"
BEGIN, END = "<!-- weights: python -m deploy.supply_chain.weights -->", "<!-- end of weights -->"
PAGE = Path(__file__).parents[2] / "docs" / "models.md"


@dataclass(frozen=True, slots=True)
class Weights:
    """One model, in one package or divided among several. weights.toml explains the fields."""

    packages: tuple[str, ...]
    version: str
    model: str
    file: str
    sha256: str
    maker: str
    publisher: str
    licence: str
    licence_from: str

    @property
    def package(self) -> str:
        """The package, or the first and the last of several."""
        return self.packages[0] if len(self.packages) == 1 else f"{self.packages[0]} … {self.packages[-1]}"


def read_weights() -> list[Weights]:
    """The entries of weights.toml."""
    entries = tomllib.loads(LIST.read_text())["weights"]
    return [Weights(**{**entry, "packages": tuple(entry["packages"])}) for entry in entries]


def table() -> str:
    """The list as a Markdown table."""
    rows = [
        "| model | package | made by | packaged by | licence | SHA-256 of the weights |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    rows += [
        f"| {one.model} | `{one.package}` {one.version} | {one.maker} | {one.publisher} "
        f"| {one.licence}, by {one.licence_from} | `{one.sha256}` |"
        for one in read_weights()
    ]
    return "\n".join(rows)


def with_table(page: str) -> str:
    """The text `page`, with the table between the comments BEGIN and END."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
