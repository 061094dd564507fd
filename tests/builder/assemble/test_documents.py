"""The small files of a bundle, where its readers look for them."""

from __future__ import annotations

import pytest

from builder.assemble.documents import IN_ROOT, PLACES
from bundle.manifest import FileEntry
from shared.errors import TrustError


def entry(path: str):
    value = {"path": path, "size": 1, "sha256": "0" * 64, "kind": "root"}
    return FileEntry.from_json(value, "files[0]")


@pytest.mark.parametrize("name", IN_ROOT)
def test_what_is_typed_in_the_root_folder_may_lie_there(name) -> None:
    assert name in PLACES
    assert entry(name).inner == name


@pytest.mark.parametrize("path", ["MANIFEST.json", "SHA256SUMS", "04_Scripts/a.py", "a/b.py", ".a.py", "a"])
def test_nothing_else_does(path) -> None:
    with pytest.raises(TrustError, match=r"not a valid location for a file of kind root|a part begins"):
        entry(path)
