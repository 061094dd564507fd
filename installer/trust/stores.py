"""The folders of a host's policy and memory, and of the memory of a user without privileges."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bundle.signing.small_files import is_there, names_in, read_small
from installer.trust import ownership
from shared.errors import TrustError
from shared.files import folders, owners
from shared.files.folders import TOOL
from shared.i18n import _


@dataclass(frozen=True)
class TrustStores:
    """The trust folders; the host's is fixed by this program and cannot be changed by an environment variable.

    The content of ``host`` counts only if ``owner`` (a user ID) owns it and everything above it up to ``top``, and no
    other user can write there. ``privileged`` is true if this run may change it.
    """

    host: Path
    user: Path
    top: Path
    privileged: bool
    owner: int = 0

    @property
    def own(self) -> Path:
        """The folder in which this run records what it accepted."""
        return self.host if self.privileged else self.user

    def make_own(self) -> Path:
        """Create the folder ``own``; all users may read the host's. Raises TrustError if others can change a user's."""
        if not self.privileged:
            self.require_users_own()
        folder, missing = self.own, []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for new in reversed(missing):
            if self.privileged and sys.platform == "win32":  # pragma: no cover - Windows only
                with suppress(FileExistsError):  # another run was first
                    ownership.make_private(new)
                continue
            new.mkdir(exist_ok=True, mode=0o700)
            if self.privileged:
                new.chmod(0o755)  # regardless of the umask: every user's run reads it
        return self.own

    def require_users_own(self) -> None:
        """Raise TrustError if users other than this one and root could change the user's memory."""
        place, found = owners.first_problem(str(self.user)) if sys.platform != "win32" else ("", "")
        if found:
            reason = _("belongs to another user") if found == owners.FOREIGN else _("is writable by other users")
            raise TrustError(
                _("{path} cannot be used as this user's trust store: {place} {problem}.").format(
                    path=self.user, place=place, problem=reason
                ),
                advice=_(
                    "Make this user the owner of {place} and remove other users' write permission (`chmod go-w`), or "
                    "set HOME to a folder of this user."
                ).format(place=place),
            )

    def read_host(self, name: str) -> bytes | None:
        """Return a file of the host's folder, or None if it is missing. Raises TrustError if others can write to it."""
        path = self.host / name
        if not is_there(path):
            return None
        ownership.require_private(path, self)
        return read_small(path)

    def host_names(self) -> list[str]:
        """Return the names in the host's folder, if it exists. Raises TrustError if other users can write to it."""
        if not is_there(self.host):
            return []
        ownership.require_private(self.host, self)
        return names_in(self.host)


def host_trust_stores() -> TrustStores:
    """Return the trust stores of this host and of the user who runs this process."""
    user = folders.user_state(TOOL) / "trust"
    if sys.platform == "win32":  # pragma: no cover - Windows only
        import ctypes

        common = ctypes.create_unicode_buffer(260)
        ctypes.windll.shell32.SHGetFolderPathW(None, 0x23, None, 0, common)  # CSIDL_COMMON_APPDATA
        data = Path(common.value)
        found = TrustStores(data / TOOL / "trust", user, Path(data.anchor), privileged=False)
        # a policy written to a folder that other users could replace would stop every later run
        privileged = bool(ctypes.windll.shell32.IsUserAnAdmin()) and ownership.counts_below(data, found)
        return replace(found, privileged=privileged)
    # on macOS /etc is a link
    host = Path("/private/etc" if sys.platform == "darwin" else "/etc") / TOOL / "trust"
    return TrustStores(host, user, Path("/"), os.geteuid() == 0)
