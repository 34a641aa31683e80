"""The ``collabkit`` command: its nouns put together, and what its exit codes mean.

==== ==========================================================================
code meaning
==== ==========================================================================
0    fine
1    the answer is no: nothing of that name, not permitted, held, not written
2    wrong usage: arguments, or a file that is not what the command works on
3    damaged data
130  interrupted
==== ==========================================================================

An error is one sentence on stderr. A traceback is a bug; with ``COLLABKIT_TRACEBACK`` set in the
environment it is shown, for whoever reports it.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import errors
from . import (
    access,
    doctor,
    documents,
    erase,
    files,
    log,
    past,
    project,
    render,
    rewind,
    serve,
    sessions,
    token,
    versions,
)

__all__ = ["app", "exit_code", "main"]

# The first row that fits decides. OperationFailed carries the class name of what the holder of
# the file raised and is looked up under that.
_EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (errors.Corrupt, 3),
    (errors.UpdateRefused, 3),
    (errors.MalformedBytes, 3),
    (errors.InvalidName, 2),
    (errors.InvalidPolicy, 2),
    (errors.InvalidArguments, 2),
    (errors.UnknownOperation, 2),
    (errors.NotACollabFile, 2),
    (errors.SchemaTooNew, 2),
    (errors.CollabError, 1),
    (FileNotFoundError, 2),
    (IsADirectoryError, 2),
    (NotADirectoryError, 2),
    (OSError, 1),
)


def exit_code(error: BaseException) -> int:
    """Which exit code an error means.

    >>> exit_code(errors.SessionNotFound("x")), exit_code(errors.Corrupt("a.db", "row 1", "crc"))
    (1, 3)
    """
    kind: object = type(error)
    if isinstance(error, errors.OperationFailed):
        kind = getattr(errors, error.kind, kind)
    for known, code in _EXIT_CODES:
        if isinstance(kind, type) and issubclass(kind, known):
            return code
    return 1


def _sentence(error: BaseException) -> str:
    if isinstance(error, errors.OperationFailed):
        return error.reason
    if isinstance(error, errors.CollabError):
        return str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return (
        f"unexpected {type(error).__name__}: {error} "
        "(set COLLABKIT_TRACEBACK=1 to see where, and report it)"
    )


class _Commands(TyperGroup):
    """Typer's group, except that an error is one sentence and an exit code of the table above."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # `collabkit log … | head` is no error. What is still buffered has nowhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    def main(self, *args: Any, **options: Any) -> Any:
        if not options.get("standalone_mode", True):
            return super().main(*args, **options)
        options["standalone_mode"] = False
        # What goes wrong is one sentence here; `serve` says where else to log.
        logging.getLogger("collabkit").addHandler(logging.NullHandler())
        try:
            code = super().main(*args, **options)
        except typer.Abort:
            code = 130
        except Exception as error:
            if os.environ.get("COLLABKIT_TRACEBACK"):
                raise
            code = _report(error)
        sys.exit(code if isinstance(code, int) else 0)


def _report(error: Exception) -> int:
    # Typer's usage errors are told by what they can do: which module defines their class has
    # changed between its versions.
    usage = getattr(error, "format_message", None)
    if usage is None:
        render.error(_sentence(error))
        return exit_code(error)
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return 2  # the help was printed when the error was made
    command = context.command_path if context is not None else "collabkit"
    # Typer says of a choice that is none that it is an error of a value, twice.
    message = usage().rstrip(".").replace(": Value error, ", ": ")
    render.error(f"{message[:1].lower()}{message[1:]}; `{command} --help` says more")
    return 2


def _show_version(wanted: bool) -> None:
    if wanted:
        render.line(f"collabkit {version('collabkit')}")
        raise typer.Exit


def _options(
    *,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Say the version, and end."
        ),
    ] = False,
) -> None:
    pass


app = typer.Typer(
    name="collabkit",
    callback=_options,
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Durable Yjs sessions in one file, and a relay for stock clients.",
)
_NOUNS = (
    serve, sessions, documents, log, past, rewind, versions, project, access, files, erase, doctor,
    token,
)  # fmt: skip
for noun in _NOUNS:
    app.add_typer(noun.app)


def main() -> None:
    """Run the command line."""
    app()
