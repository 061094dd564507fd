"""What a wheel lays is known before it is installed: uv installs one with everything, and each file is foreseen."""

from __future__ import annotations

import io
import os
import sys

import pytest

from bundle.digest import sha256_bytes
from bundle.lock import Row, write_pylock
from bundle.wheels.files import MADE, Environment, expected
from installer.release.receipt import contents
from shared.programs.uv import Uv, base_interpreter
from tests.wheels import make_wheel

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
DATA = "my_tool-1.0.data"
ENTRIES = "[console_scripts]\na.b = my_tool.run : Tool.main [extra]\n[gui_scripts]\nshown = my_tool:main\n"
FILES = {
    "my_tool/__init__.py": "main = None\n",
    f"{DATA}/platlib/my_tool/deep.py": "",
    f"{DATA}/purelib/top.py": "1\n",
    f"{DATA}/headers/sub/tool.h": "x\n",
    f"{DATA}/data/share/man/tool.1": "tool\n",
    f"{DATA}/scripts/plain.sh": "#!/bin/sh\n",
    f"{DATA}/scripts/ours": "#!python -u\nprint(1)\n",
    f"{DATA}/scripts/theirs": "#!/usr/bin/env python\nprint(1)\n",
}
# first lines as published wheels have them; a named encoding is read in one of the first two lines (PEP 263)
HEADS = (
    "#!python3\n",
    "#!pythonw\n",
    "#!python\r\n",
    "\ufeff#!python\n",
    "#!python\n# -*- coding: utf-8 -*-\n",
    "#!python\n# vim: set fileencoding=utf-8 :\n",
    "#!python\n#coding=UTF8\n",
    "#!python\n# coding: latin-1\n",
    "#!python\n\n# coding: utf-8\n",
    "#!python\n# a comment\n# coding: utf-8\n",
    "#!python\nx = 1  # coding: utf-8\n",
)
FILES |= {f"{DATA}/scripts/head{number}": f"{head}print(1)\n" for number, head in enumerate(HEADS)}


@pytest.mark.skipif(os.name != "posix", reason="scripts are programs on Windows")
def test_every_file_that_uv_lays_is_foreseen(tmp_path) -> None:
    data, name = make_wheel("my-tool", "1.0", FILES, entry_points=ENTRIES), "my_tool-1.0-py3-none-any.whl"
    scratch = tmp_path / "scratch"
    (scratch / "wheels").mkdir(parents=True)
    (scratch / "wheels" / name).write_bytes(data)
    (scratch / "pylock.toml").write_bytes(write_pylock([Row(name, "my-tool", "1.0", sha256_bytes(data))]))
    uv = Uv(scratch)
    uv.venv(tmp_path / "r" / "venv", base_interpreter())
    before = dict(contents(tmp_path / "r"))
    uv.sync(tmp_path / "r" / "venv" / "bin" / "python", scratch / "pylock.toml")
    written = {path: content for path, content in contents(tmp_path / "r") if path not in before}

    foreseen = expected(io.BytesIO(data), Environment("venv", PYTHON))
    assert set(foreseen) == set(written)
    assert {path: content for path, content in foreseen.items() if content != MADE and written[path] != content} == {}
    notes = {path.rpartition("/")[2] for path, content in foreseen.items() if content == MADE}
    assert notes == {"RECORD", "uv_cache.json"}


@pytest.mark.parametrize("member", [f"{DATA}/elsewhere/x.py"])
def test_what_no_rule_places_is_refused(member) -> None:
    with pytest.raises(ValueError, match="elsewhere"):
        expected(io.BytesIO(make_wheel("my-tool", "1.0", {member: ""})), Environment("venv", PYTHON))
