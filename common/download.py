"""Downloads one large file of a Hugging Face repository into the hub's cache, and resumes an interrupted download.

huggingface_hub (2.4) resumes within one call, but each call writes to a new file, and deletes that file if the call
fails. After a lost connection or Ctrl-C, a download of fifteen gigabytes would start from zero. Here the partial file
stays beside the place where the library looks for the whole file (`blobs/<etag>`), so the library finds the file once
it is complete. The download uses HTTP, and HF_ENDPOINT has to support Range. The hub's other protocol, Xet, has no
partial files.
"""

from __future__ import annotations

import hashlib
import io
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock

from common.memory import gigabytes

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

logger = logging.getLogger(__name__)

LOG_EVERY_PERCENT = 10
SPARE_BYTES = 100 << 20  # disk space that stays free after a file was written


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file in LFS. sha256: the digest of its content, in hexadecimal. blobs, locks: the repository's folders in
    the hub's cache."""

    repository: str
    revision: str
    name: str
    size_bytes: int
    sha256: str
    blobs: Path
    locks: Path

    @property
    def whole(self) -> Path:
        """The path where the hub's library looks for the file."""
        return self.blobs / self.sha256

    @property
    def partial(self) -> Path:
        """The path of the part that has been downloaded so far."""
        return self.blobs / f"{self.sha256}.partial"

    def missing_bytes(self) -> int:
        """How much is still to be downloaded."""
        if self.whole.exists():
            return 0
        return self.size_bytes - (self.partial.stat().st_size if self.partial.exists() else 0)


def download(file: WeightFile) -> None:
    """Download `file`. Returns at once if it is there. Raises OSError, or what the HTTP library raises."""
    if file.whole.exists() and file.whole.stat().st_size == file.size_bytes:
        return
    for folder in (file.blobs, file.locks):
        folder.mkdir(parents=True, exist_ok=True)
    with FileLock(file.locks / f"{file.sha256}.lock"):  # the library's own lock for this file
        if file.whole.exists() and file.whole.stat().st_size != file.size_bytes:
            logger.warning("%s in the cache has the wrong size; downloading it again", file.name)
            file.whole.unlink()
        if not file.whole.exists():
            _fetch_rest(file)
            _check(file)
            file.partial.rename(file.whole)


def _fetch_rest(file: WeightFile) -> None:
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url
    from huggingface_hub.file_download import http_get

    url = hf_hub_url(file.repository, file.name, revision=file.revision)
    location = get_hf_file_metadata(url).location
    headers = {"Accept-Encoding": "identity"}
    if (token := get_token()) and urlsplit(location).netloc == urlsplit(url).netloc:
        headers["Authorization"] = f"Bearer {token}"  # for the hub only, not for another content server
    with _Progress(file) as partial:
        if partial.tell() > file.size_bytes:
            partial.truncate(0)
            partial.seek(0)
        if begun := partial.tell():
            logger.info("%s: going on after %s", file.name, gigabytes(begun))
        http_get(
            location,
            partial,
            resume_size=begun,
            headers=headers,
            expected_size=file.size_bytes,
            displayed_filename=file.name,
        )


def _check(file: WeightFile) -> None:
    """Raises OSError if the content has the wrong SHA-256. Then the file is deleted, because it can't be resumed."""
    with file.partial.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != file.sha256:
        file.partial.unlink()
        raise OSError(f"{file.name} of {file.repository} arrived damaged (its SHA-256 is wrong); it is deleted")


class _Progress(io.FileIO):
    """The partial file, open at its end. Logs percentages, unless the library shows a bar in a terminal."""

    def __init__(self, file: WeightFile) -> None:
        file.partial.touch()
        super().__init__(file.partial, "r+b")
        self.seek(0, io.SEEK_END)
        self._file = file
        self._shown = self._percent()

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of `data`. FileIO may write less at once; if the disk is full, the next write then fails."""
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view):
            written += super().write(view[written:])
        percent = self._percent()
        if percent >= self._shown + LOG_EVERY_PERCENT and not sys.stderr.isatty():
            self._shown = percent
            logger.info("%s: %d %% of %s", self._file.name, percent, gigabytes(self._file.size_bytes))
        return written

    def _percent(self) -> int:
        return 100 * self.tell() // max(1, self._file.size_bytes)
