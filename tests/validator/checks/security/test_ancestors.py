from __future__ import annotations

import os

import pytest

from tests.validator.checking import look
from validator.check import FAIL, PASS, WARN
from validator.checks.security.ancestors import Ancestors

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")


def test_folders_of_the_owner(prefix) -> None:
    assert look(Ancestors, prefix).status == PASS


@pytest.mark.parametrize(("mode", "status"), [(0o777, FAIL), (0o1777, PASS), (0o770, PASS)])
def test_a_folder_that_anybody_may_change(prefix, mode, status) -> None:
    folder = prefix.root.parent
    folder.chmod(mode)
    result = look(Ancestors, prefix)
    assert result.status == status
    if status == FAIL:
        assert result.evidence["writable"] == [str(folder)]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="root alone gives folders away")
def test_a_folder_of_another_user(prefix) -> None:
    os.chown(prefix.root.parent, 12345, -1)
    assert look(Ancestors, prefix).status == WARN
