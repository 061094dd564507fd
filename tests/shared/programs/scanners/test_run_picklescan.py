from __future__ import annotations

import json
import subprocess
import sys

from shared.processes import scripts

# as picklescan behaves: one file is bad, one it only logs about, one it cannot open, one asks the network
FAKE = """
import logging, os, socket, types
LOG = logging.getLogger("picklescan")
class SafetyLevel:
    Dangerous, Suspicious = "dangerous", "suspicious"
def scan_file_path(path):
    name, found = os.path.basename(path), []
    if name == "bad.bin":
        found = [types.SimpleNamespace(module="os", name="system", safety="dangerous")]
    elif name == "odd.pkl":
        LOG.warning("could not parse %s", path)
    elif name == "text.txt":
        LOG.warning("could not parse %s", path)
    elif name == "online.bin":
        socket.create_connection(("127.0.0.1", 9))
    return types.SimpleNamespace(globals=found, scan_err=name == "torn.bin")
"""


def test_files_are_counted_judged_and_told_where_they_cannot_be_read(tmp_path) -> None:
    package, models = tmp_path / "picklescan", tmp_path / "models"
    for folder in (package, models):
        folder.mkdir()
    (package / "__init__.py").touch()
    (package / "scanner.py").write_text(FAKE)
    for name in ("bad.bin", "odd.pkl", "text.txt", "online.bin", "torn.bin", "good.bin"):
        (models / name).write_text("x")
    ended = subprocess.run(
        [sys.executable, "-B", "-c", scripts.text("scanners/run_picklescan")],
        cwd=tmp_path,
        input=json.dumps({"folder": str(models)}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(scripts.answer(ended.stdout) or "") == {
        "scanned": 6,
        "dangerous": {"bad.bin": ["os.system"]},
        "suspicious": {},
        "unread": ["odd.pkl", "online.bin", "torn.bin"],
    }
