"""``python -m collabkit`` is the ``collabkit`` command."""

from .cli import main

main()
