from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bundle.reading import medium
from shared.errors import HostError


@pytest.mark.skipif(sys.platform != "linux", reason="a regular file that no medium can give")
def test_a_medium_that_fails_says_nothing_of_the_bundle() -> None:
    with pytest.raises(HostError, match="/proc/self/mem cannot be read: Input/output error") as caught:
        list(medium.file_blocks(Path("/proc/self/mem"), "x"))  # at 0 nothing is mapped
    assert "the medium or its drive is failing" in caught.value.advice


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_file_that_this_host_cannot_open_may_be_right(tmp_path) -> None:
    import resource

    path = tmp_path / "run.py"
    path.write_bytes(b"")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with path.open("rb") as last:
        resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno(), limits[1]))
        try:
            with pytest.raises(HostError, match="Too many open files"):
                list(medium.file_blocks(path, path.name))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
