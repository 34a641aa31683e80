"""Bytes and rows in SQLite: logs, checkpoints, named values, and nothing decoded.

- :mod:`~collabkit.store.base`: what any store promises
- :mod:`~collabkit.store.sqlite`: the store in one file, for the process that holds it
- :mod:`~collabkit.store.reader`: the same file, read beside its holder
- :mod:`~collabkit.store.backup`: a copy of it, taken meanwhile
- :mod:`~collabkit.store.foreign`: documents in the files of other programs
"""
