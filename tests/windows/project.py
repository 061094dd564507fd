"""What is installed on Windows hosts: the example application, changed to what wine can run, and a small one.

numpy after 2.0.2 crashes in wine's C runtime, and wine makes no junctions, so nothing persists inside an
application's own tree: a command of its own notes what it is told in ``{data}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.stories.workshop import EXAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.workshop import Workshop

PYTHON, TARGET = "3.11", "windows-amd64"
COUNTERS = {"0.1.0": 10, "0.2.0": 20, "0.3.0": 30, "0.9.0": 90}
NOTE = '''\
"""Adds what it is told to the user's notes and shows them, with its arguments and its folder."""
import json
import os
import sys
import time
from pathlib import Path

notes = Path(os.environ["NOTES"])
if sys.argv[1:2] == ["exit"]:
    sys.exit(int(sys.argv[2]))
if sys.argv[1:2] == ["wait"]:
    print("waiting", flush=True)
    while not (notes.parent / "go").exists():
        time.sleep(0.1)
    import idna  # what it has not read yet must still be there
with notes.open("a", encoding="utf-8") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
lines = notes.read_text(encoding="utf-8").splitlines()
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "notes": lines, "version": "VERSION"}))
'''
NOTES = """\

[[launchers]]
name = "note"
kind = "script"
target = "note.py"
cwd = "caller"

[[launchers]]
name = "note-there"
kind = "script"
target = "note.py"
cwd = "app"

[environment.values]
NOTES = "{data}/notes.txt"
"""
NOTED = '''\
"""Has anything been noted?"""
import json
import sys
from pathlib import Path

context = json.load(sys.stdin)
notes = Path(context["data"]) / "notes.txt"
count = len(notes.read_text(encoding="utf-8").splitlines()) if notes.exists() else 0
status = "PASS" if count else "FAIL"
print(json.dumps({"check_name": "Notes", "status": status, "details": f"{context['product']}: {count} notes"}))
'''
SMALL = {
    "pyproject.toml": """\
[project]
name = "jotter"
version = "VERSION"
requires-python = ">=3.11"
dependencies = ["idna"]
""",
    "ragtrace-profile.toml": f"""\
name = "Jotter"
core_imports = ["idna"]
smoke = [["note", "exit", "0"]]
plugins = ["checks/noted.py"]

[source]
include = ["note.py", ".env.example", "pyproject.toml", "uv.lock"]

[environment]
template = ".env.example"
{NOTES}""",
    ".env.example": "JOTTER_COLOUR=\n",
    "note.py": NOTE,
    "checks/noted.py": NOTED,
}
PROFILE = f"""\
name = "Field-Notes"
import_paths = ["src"]
core_imports = ["numpy", "tokenizers", "pydantic", "rag_mini"]
smoke = [["rag-mini", "--help"]]

[source]
include = ["cli.py", "note.py", "src", ".env.example", "pyproject.toml", "uv.lock"]

[[launchers]]
name = "rag-mini"
kind = "script"
target = "cli.py"
cwd = "caller"

[environment]
template = ".env.example"
required = ["RAG_MINI_API_KEY"]
{NOTES}RAG_MINI_MODEL_PATH = "{{models}}/minilm"

[[models]]
name = "minilm"

[models.probe]
command = ["rag-mini", "embed", "--json"]
sentence = "The crane lifts the steel beam onto the second floor."
embedding_file = "probe-minilm.json"
tolerance = 0.0001
"""


def example(workshop: Workshop) -> Path:
    """Return the bundle of the example for the Windows host."""
    pyproject = (EXAMPLE / "pyproject.toml").read_text()
    changed = {
        "pyproject.toml": pyproject.replace('"numpy>=2"', '"numpy==2.0.2"'),
        "note.py": NOTE,
        "ragtrace-profile.toml": PROFILE,
    }
    assert "2.0.2" in changed["pyproject.toml"]
    project = workshop.project("field-notes", changed, EXAMPLE)
    return workshop.build(
        project, "--python", PYTHON, "--target", TARGET, "--model", f"path:{workshop.model}", "--counter", "10"
    )


def small(workshop: Workshop, version: str, python: str = PYTHON) -> Path:
    """Return the bundle of a version (one of COUNTERS) of the small project; 0.9.0 does not start."""
    changed = {name: text.replace("VERSION", version) for name, text in SMALL.items()}
    if version == "0.9.0":
        changed["note.py"] = "raise RuntimeError('not ready for the closed network')\n"
    project = workshop.project(f"jotter-{version}", changed)
    return workshop.build(project, "--python", python, "--target", TARGET, "--counter", str(COUNTERS[version]))
