"""Taking over the packages of a damaged release that are as they were sealed.

A file goes into the new release by a second name or a clone, and its bytes are hashed there, so
that what was compared with the receipt is what will run. Hard links are allowed because the
damaged release is removed once the repaired one is active.
"""

from __future__ import annotations

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bootstrap import record
from bootstrap.errors import InstallError
from bootstrap.i18n import _
from bootstrap.receipt import APP, MODELS, RELEASE, VENV

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bootstrap.prefix import Release
    from bootstrap.receipt import Deviation, Item, Receipt

FICLONE = 0x40049409  # ioctl_ficlone(2): the target shares the source's blocks until one of them is written


def good_items(receipt: Receipt, deviations: tuple[Deviation, ...], reinstalled: frozenset[str]) -> Iterator[Item]:
    """Yield what packages have in the environment, but for damaged files and packages that are installed anew.

    A path of the receipt that leads out of the release is among the deviations: no walk finds it there.
    """
    damaged = {deviation.path for deviation in deviations}
    for item in receipt.items:
        if not item.path.startswith("venv/") or item.content.startswith("-> "):
            continue
        if item.owner in (APP, MODELS, VENV, RELEASE) or item.path in damaged:
            continue
        if record.normalised(item.owner) not in reinstalled:
            yield item


def take_over(items: list[Item], damaged: Release, release: Release) -> None:
    """Give files of a damaged release to a new one.

    Raises InstallError when a file is not what the receipt says any more.
    """
    for folder in {(release.path / item.path).parent for item in items}:
        folder.mkdir(parents=True, exist_ok=True)

    def take(item: Item) -> bool:
        source, target = damaged.path / item.path, release.path / item.path
        if os.path.lexists(target):
            target.unlink()
        give(source, target)
        return record.sha256_of(target) == item.content

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for item, right in zip(items, pool.map(take, items, chunksize=64)):
            if not right:
                raise InstallError(_("{path} changed while it was taken over.").format(path=damaged.path / item.path))


def give(source: Path, target: Path) -> None:
    """Make a file appear at another path: a clone where the filesystem has them, else a second name, else a copy.

    Bytecode holds the time of its module (PEP 552), so times stay.
    """
    if _clone(source, target):
        shutil.copystat(source, target)
        return
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)


def _clone(source: Path, target: Path) -> bool:
    """Tell whether the target was made as a clone; nothing is left of it otherwise."""
    if sys.platform != "linux":
        return False
    import fcntl

    with source.open("rb") as from_file, target.open("xb") as to_file:
        try:
            fcntl.ioctl(to_file.fileno(), FICLONE, from_file.fileno())
            return True
        except OSError:
            pass  # most filesystems have no clones
    target.unlink()
    return False
