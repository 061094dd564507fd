"""Small releases whose installer is a real zip with pins in it, for tests of signing."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from bundle.signing.policy import pins
from tests.tiny import Tiny, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.signing.signature import PublicKey


def pinned_release(folder: Path, keys: Sequence[PublicKey], threshold: int, *, key: Path) -> Tiny:
    """Return a release signed with one key whose installer pins several."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("policy.json", pins(keys, threshold).to_bytes())
        archive.writestr("__main__.py", "import sys; print('installer', *sys.argv[1:])\n")
    return tiny_bundle(folder, installer=data.getvalue(), key=key)
