from __future__ import annotations

import pytest

from bundle.manifest import Package
from installer.layout.prefix import Prefix
from installer.release import receipt, tools_environment
from shared.errors import TrustError
from tests.bundles import entry
from tests.installed import Installation, install_made, make_prefix
from tests.validator.checking import release_of
from tests.wheels import Wheel

TOOL = Wheel("my-tool", "1.0", {"my_tool.py": "\n"})


def test_beside_the_environment(tmp_path):
    prefix = make_prefix(tmp_path, verification={f"tools/{TOOL.filename}": TOOL.build(), "advisories/x": b"x"})
    release = release_of(prefix)
    site = tools_environment.site_of(release, release.manifest().target.python)
    assert (site / "my_tool.py").is_file()
    assert not list((release.venv).rglob("my_tool.py"))
    assert (release.bundle / "verification/advisories/x").read_bytes() == b"x"
    assert not list((release.bundle).rglob("*.whl"))
    assert receipt.compare(release, receipt.read_receipt(release)) == []
    (site / "my_tool.py").chmod(0o644)
    (site / "my_tool.py").write_bytes(b"other\n")
    assert [one.kind for one in receipt.compare(release, receipt.read_receipt(release))] == ["altered"]


def test_no_tools(tmp_path):
    assert not tools_environment.root_of(release_of(make_prefix(tmp_path))).exists()


def test_a_wheel_that_is_another_package(tmp_path):
    renamed = TOOL.filename.replace("my_tool", "other")
    with pytest.raises(TrustError, match="is a wheel of my_tool"):
        install_made(Prefix(tmp_path / "prefix"), Installation(verification={f"tools/{renamed}": TOOL.build()}))


def test_package_of():
    found = tools_environment.package_of(
        entry("06_Verification/tools/my_tool-1.0-py3-none-any.whl", "verification", b"")
    )
    assert found == Package("my-tool", "1.0", "06_Verification/tools/my_tool-1.0-py3-none-any.whl", None)
    with pytest.raises(TrustError, match="not a valid wheel file name"):
        tools_environment.package_of(entry("06_Verification/tools/x.whl", "verification", b""))
