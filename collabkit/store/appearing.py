"""New files that appear under their name when they are whole and on the disk, or never.

Rules:

1. What is written goes to a draft beside the file, readable by its owner alone.
2. No file is replaced, whoever makes one of the name meanwhile; where there are no hard links,
   up to the moment before it appears.
3. Of what fails nothing is left.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from ..errors import CannotWrite
from . import database

__all__ = ["appearing"]


@contextlib.contextmanager
def appearing(out: str | os.PathLike[str]) -> Iterator[str]:
    """Give the path of a draft to write to; at the end of the block it gets its name.

    Raises:
        CannotWrite: ``out`` is there already, or cannot be written.
    """
    target = os.path.realpath(out)
    draft = f"{target}.partial"
    if os.path.lexists(target):
        raise CannotWrite(target, "it is there already")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise CannotWrite(target, f"{draft}: {error.strerror}") from error
    try:
        yield draft
        database.sync_file(draft)
        _publish(draft, target)
        database.sync_folder(target)
    except OSError as error:
        raise CannotWrite(target, str(error.strerror)) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)


def _publish(draft: str, target: str) -> None:
    try:
        os.link(draft, target)
    except OSError:
        if os.path.lexists(target):
            raise
        # A file system without hard links, such as a memory stick's.
        os.rename(draft, target)
