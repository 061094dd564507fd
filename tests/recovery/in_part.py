"""Repairs in part, as a program, so that an owner without the rights of root runs them too."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installer.trust.available import Available
from recovery.recover import recover
from recovery.request import RecoverRequest
from shared.errors import RagtraceError
from shared.terminal.progress import NoProgress
from tests.recovery.damaging import delete, flip, stored_in
from tests.tiny import PRODUCT, install_tiny, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from installer.layout.prefix import Prefix
    from tests.tiny import Tiny

OWN = {PRODUCT: ("1.0.0", {"tiny_app/__init__.py": "import tiny_lib\n"})}


class Warned(NoProgress):
    """Notes the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def lose_a_package(prefix: Prefix, tiny: Tiny) -> None:
    """Damage a package, and another one also in the store, without which the application does not start."""
    site = prefix.active().site_packages(tiny.manifest.target.python)
    wheel = next(entry for entry in tiny.manifest.of_kind("wheel") if "tiny_text" in entry.path)
    flip(stored_in(prefix, wheel))
    for package, name in (("tiny_text", "__init__.py"), ("tiny_lib", "more.py")):
        (site / package).chmod(0o755)
        delete(site / package / name)
    (site / "tiny_text" / "__init__.py").write_text("raise SystemExit('lost')\n")


def delete_a_source_file(prefix: Prefix, _tiny: Tiny) -> None:
    """Damage the application's files, but not its installed package."""
    file = prefix.active().app / "src" / "helper.py"
    file.parent.chmod(0o755)
    delete(file)


DAMAGES: dict[str, Callable[[Prefix, Tiny], None]] = {
    "a lost package": lose_a_package,
    "a source file": delete_a_source_file,
}


def main(folder: str, damage: str) -> None:
    """Install an application with a package of its own, damage and repair it; print warnings and errors."""
    top, progress, found = Path(folder), Warned(), dict[str, Any](error="")
    tiny = tiny_bundle(top / "bundle", packages=OWN)
    prefix = install_tiny(tiny, top / "prefix")
    DAMAGES[damage](prefix, tiny)
    available = Available(None, tiny.policy, named=True)
    try:
        recover(prefix, lambda _plan: True, progress, RecoverRequest(available=available))
    except RagtraceError as error:
        found["error"] = error.what
    json.dump({**found, "warnings": progress.warnings}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
