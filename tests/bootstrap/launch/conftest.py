"""A zipapp with another entry point, which tells what it sees."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.zipapp import pack
from bundle.target import host_target, parse_target
from shared.terminal.progress import NoProgress
from tests.bootstrap.launch.starts import start, told
from tests.hosts import needs

HERE = parse_target(str(host_target()), "3.9")
PROBE = """
import json, os, sys

def main():
    found = {"argv": sys.argv, "env": dict(os.environ), "flags": [sys.flags.isolated, sys.dont_write_bytecode]}
    found["executable"] = sys.executable
    if sys.argv[1:] == ["imports"]:
        import packaging.version, platformdirs, psutil, rich.progress, uv
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from shared.programs import embedded
        key = Ed25519PrivateKey.generate()
        key.public_key().verify(key.sign(b"x"), b"x")
        found.update(cores=psutil.cpu_count(), uv=[embedded.program(embedded.launcher(), "uv"), uv.find_uv_bin()])
    if sys.argv[1:] == ["program"]:
        from shared.programs import embedded
        found["uv"] = embedded.program(embedded.launcher(), "uv")
    print(json.dumps(found))
    return 9
"""


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    """The zipapp with another entry point, which tells what it sees; its Korean is one sentence."""
    folder = tmp_path_factory.mktemp("probe")
    site = folder / "site-packages"
    floor = pack.stage(site, HERE, Fetching(Cache(needs.cache_folder() / "builder"), NoProgress()))
    (site / "probe.py").write_text(PROBE)
    messages = Catalog("ko")
    messages.add("error: {what}", "오류: {what}")
    korean = site / "shared" / "locale" / "ko" / "LC_MESSAGES" / "ragtrace.mo"
    with korean.open("wb") as file:
        write_mo(file, messages)
    digests = pack.describe(site, HERE, floor)
    output = folder / "probe.pyz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pack, "COMPRESSION_LEVEL", 1)
        pack.pack(site, output, digests, pack.Packing(entry_point="probe:main"))
    return output


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def warm(probe, tmp_path_factory):
    """A home whose cache is filled; each damage done to it must be undone by the next start."""
    home = tmp_path_factory.mktemp("warm")
    told(start(probe, home))
    return home
