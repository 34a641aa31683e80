"""The public names: what `__all__` says, what is there, and nothing else.

Ruff keeps the lists sorted (RUF022).
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import collabkit


def _modules() -> list[str]:
    found = pkgutil.walk_packages(collabkit.__path__, prefix="collabkit.")
    return ["collabkit", *(m.name for m in found if not m.name.endswith("__main__"))]


def _packages() -> list[str]:
    found = pkgutil.walk_packages(collabkit.__path__, prefix="collabkit.")
    return ["collabkit", *(m.name for m in found if m.ispkg)]


@pytest.mark.parametrize("name", _modules())
def test_all_is_true(name: str) -> None:
    """Each module lists its public names, once each, and has every one of them."""
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", [] if name in _packages() else None)
    assert listed is not None, f"{name} has no __all__"
    assert len(listed) == len(set(listed))
    assert [each for each in listed if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", _packages())
def test_a_package_has_no_public_name_beside_all(name: str) -> None:
    """What a package shows without an underscore is in its `__all__`."""
    module = importlib.import_module(name)
    shown = {
        each
        for each, value in vars(module).items()
        if not each.startswith("_") and not isinstance(value, ModuleType) and each != "annotations"
    }
    assert shown - set(getattr(module, "__all__", [])) == set()
