"""The files of an archive that was unpacked into a folder."""

from __future__ import annotations

import os
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from bundle.manifest import NAME
from bundle.reading.archive import visit_folder
from shared.errors import TrustError
from tests.bundle.reading.archives import DATA, MANIFEST, SCRIPT
from tests.bundles import CONTENTS

if TYPE_CHECKING:
    from pathlib import Path


def unpack(folder: Path) -> Path:
    for name, data in ((NAME, DATA), *((path, data) for path, (_kind, data) in CONTENTS.items())):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def read_unpacked(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    visit_folder(folder, DATA, MANIFEST.files, lambda entry, blocks: found.update({entry.path: b"".join(blocks)}))
    return found


def test_an_unpacked_folder_gives_the_same(tmp_path) -> None:
    assert read_unpacked(unpack(tmp_path)) == {name: data for name, (_kind, data) in CONTENTS.items()}


@pytest.mark.parametrize("name", [NAME, *CONTENTS])
def test_every_file_of_a_folder_is_checked(tmp_path, name) -> None:
    path = unpack(tmp_path) / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TrustError, match="bytes read, "):
        read_unpacked(tmp_path)
    path.unlink()
    with pytest.raises(TrustError, match=f"{name}: cannot be read"):
        read_unpacked(tmp_path)


def test_links_pipes_and_folders_are_not_files(tmp_path) -> None:
    path = unpack(tmp_path) / SCRIPT
    shutil.copy(path, tmp_path / "same")
    for make in (lambda: path.symlink_to(tmp_path / "same"), lambda: os.mkfifo(path), path.mkdir):
        path.unlink()
        make()
        seen: list[str] = []
        worker = threading.Thread(target=lambda seen=seen: seen.append(refusal(tmp_path)), daemon=True)
        worker.start()
        worker.join(5)
        assert seen, "reading a pipe hangs"
        assert SCRIPT in seen[0]
        if path.is_dir():
            path.rmdir()
            path.touch()


def refusal(folder: Path) -> str:
    try:
        read_unpacked(folder)
    except TrustError as error:
        return error.what
    return "nothing was refused"
