"""What a Windows host refuses, in one sentence, and leaves as it was."""

from __future__ import annotations

import pytest

from tests.stories.operator import refused
from tests.windows.operator import Operator

pytestmark = [pytest.mark.index, pytest.mark.host]


def test_a_bundle_for_another_python(windows, small):
    operator = Operator(windows, "C:\\refused\\python", python="3.13")
    done = operator.installer(operator.copy_in(small()), "install")
    refused(done, 4, "this is Python 3.13", "the bundle is for Python 3.11")
    assert not operator.path("").exists()


def test_a_bundle_for_linux(windows, workshop):
    operator = Operator(windows, "C:\\refused\\linux")
    refused(operator.installer(operator.copy_in(workshop.hello("3.11")), "install"), 4, "built for linux")
    assert not operator.path("").exists()


def test_an_altered_archive(windows, small):
    operator = Operator(windows, "C:\\refused\\altered")
    bundle = operator.copy_in(small(), "C:\\altered")
    (archive,) = windows.path(bundle).glob("*.tar.gz")
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    refused(operator.installer(bundle, "install"), 3)
    assert not operator.path("releases").exists() or not list(operator.path("releases").iterdir())


def test_a_stranger_s_signature(windows, small):
    operator = Operator(windows, "C:\\refused\\stranger")
    bundle = operator.copy_in(small(), "C:\\stranger")
    folder = windows.path(bundle)
    for signature in folder.glob("*.sig"):
        signature.unlink()
    refused(operator.installer(bundle, "install"), 3, "not signed")


def test_a_code_page_without_korean_letters_gets_english(windows, small):
    operator = Operator(windows, "C:\\refused\\nothing")
    done = operator.installer(operator.copy_in(small()), "status", env={"RAGTRACE_LANG": "ko"})
    refused(done, 4, "nothing is installed there")
    assert "\\u" not in done.stderr
