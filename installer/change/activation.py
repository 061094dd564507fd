"""Activating a release: writing its launchers, switching to it, checking it, and switching back if it fails.

Only one switch is made elsewhere: where ``current`` lost the release that it named, ``recover`` points it there again
(``PointCurrent`` in recovery/repair/in_place.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from installer.layout.store import Store
from installer.release import acceptance, launchers, receipt
from shared import troubles
from shared.errors import InstallError
from shared.i18n import _

if TYPE_CHECKING:
    from bundle.manifest import Manifest
    from installer.change.transaction import Transaction
    from shared.terminal.progress import Progress


def activate(
    change: Transaction, manifest: Manifest, progress: Progress, *, check: Callable[[], None] | None = None
) -> None:
    """Write the shipped data files and the launchers, make the built release current, and switch back if it fails.

    ``check`` replaces the health check if a simpler one is enough. The release must not change its own files when it
    runs. Only a failed check switches back: what fails after it leaves the release active.
    """
    prefix, release = change.prefix, change.release
    change.write_data(manifest, Store(prefix.store))
    before = receipt.stamps(release)

    def check_new() -> None:
        check() if check is not None else acceptance.check_health(prefix, manifest, progress)
        acceptance.require_unchanged(release, before)

    switch_and_check(change, manifest, progress, check=check_new)


def switch_and_check(
    change: Transaction, manifest: Manifest, progress: Progress, *, check: Callable[[], None] | None = None
) -> None:
    """Make a complete release current, try it by the health check or ``check``, and switch back if it does not work."""
    prefix = change.prefix
    progress.step(_("Activating {release}").format(release=change.release.id))
    launchers.write(prefix, manifest)
    try:
        change.switch()
        if check is not None:
            check()
        else:
            acceptance.check_health(prefix, manifest, progress)
    except BaseException as error:  # Ctrl-C too: a release that was never seen working must not remain active
        try:
            change.switch_back()
        except OSError as trouble:
            raise InstallError(
                _("{release} does not work ({reason}), and switching back failed: {trouble}.").format(
                    release=change.release.id, reason=error, trouble=troubles.described(trouble)
                ),
                advice=f"{troubles.words(trouble, near=prefix.root).advice} " + _("Then run rollback."),
            ) from error
        raise
    launchers.prune(prefix, manifest)
