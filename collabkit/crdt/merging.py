"""Many small updates of one author as one, for those who made them.

What strangers sent is never merged: merging decodes it, in whichever process does it, and gives
other bytes than those that were judged (:func:`collabkit.crdt.update.splice` joins it instead). A
program's own edits are another matter: merged, a burst of typing is half as long, and one row of
a log instead of a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence

import pycrdt

from .core import is_panic

__all__ = ["merge"]


def merge(updates: Sequence[bytes]) -> Sequence[bytes]:
    """Join updates made here, in their order; what cannot be joined is given back as it is.

    The engine takes a time for it that grows faster than their number: 0.4 µs each for 16, and
    0.7 for 128.
    """
    if len(updates) == 1:
        return updates
    try:
        return [pycrdt.merge_updates(*updates)]
    except ValueError:
        return updates
    except BaseException as error:
        if is_panic(error):
            return updates
        raise
