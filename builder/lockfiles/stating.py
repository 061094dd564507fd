"""What is stated by what a lockfile is for: a script, a project or, without a project table, its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builder.lockfiles.uv_lock import UvLock
from builder.product.bare import stated_by_folder, stated_by_script
from builder.product.identity import has_table
from builder.project.stated import stated_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.lock.lockfile import Lockfile
    from builder.project.own_wheel import OwnWheel
    from builder.project.stated import Stated


def stated_of(
    lockfile: Lockfile, name: str | None = None, wheel: OwnWheel | None = None, members: Sequence[Path] = ()
) -> Stated:
    """Return what is stated without a profile, by the project's own ``wheel`` if that is built.

    ``name`` is the product's, if it is not the project's; ``members`` are folders of packages whose scripts are added.
    Raises UsageError if a project cannot be read.
    """
    root, script = lockfile.project, lockfile.options().get("script")
    if isinstance(script, str):
        return stated_by_script(root, Path(script), name)
    # without a lockfile of its own, the folder has to be a project
    if not isinstance(lockfile, UvLock) and not has_table(root):
        return stated_by_folder(root, name)
    return stated_by(root, wheel, (*lockfile.others, *members))
