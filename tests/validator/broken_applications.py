"""Ways to break the application: what starts it, its interpreter, models, data and settings."""

from __future__ import annotations

import os
import shutil

from shared.files import files
from tests.validator.breaking import (
    Mutation,
    application,
    flip,
    interpreter,
    lacks_a_library,
    link_elsewhere,
    settings,
    spoil_model,
)
from tests.validator.checking import change
from validator.check import BUNDLE, OPERATOR, RECOVER, WARN

APPLICATIONS = (
    Mutation("the application exits with an error", "ragtrace.cli", application("import sys; sys.exit('no database')")),
    Mutation("the application's file is gone", "ragtrace.cli", lambda w: w.app.unlink()),
    Mutation("the application never ends", "ragtrace.cli", application("import time; time.sleep(600)"), limit=2.0),
    Mutation("a library of the host's is missing", "ragtrace.cli", lacks_a_library, helps=OPERATOR),
    Mutation("launch.py is gone", "ragtrace.cli", lambda w: w.release.launch_file.unlink()),
    Mutation("a launcher is gone", "ragtrace.cli", lambda w: (w.prefix.bin / "demo").unlink()),
    Mutation("a launcher does something else", "ragtrace.cli", lambda w: w.append(w.prefix.bin / "demo", b"# more\n")),
    Mutation("a launcher may not be executed", "ragtrace.cli", lambda w: (w.prefix.bin / "demo").chmod(0o644)),
    Mutation(
        "a launcher is a link",
        "ragtrace.cli",
        lambda w: ((w.prefix.bin / "demo").rename(w.folder / "d"), os.symlink(w.folder / "d", w.prefix.bin / "demo")),
    ),
    Mutation(
        "the interpreter is gone",
        "system.python",
        lambda w: (w.release.python.unlink(), os.symlink("/nowhere/python3", w.release.python)),
    ),
    Mutation(
        "the interpreter does not start",
        "system.python",
        lambda w: interpreter(w, "echo libpython is missing >&2; exit 127"),
    ),
    Mutation(
        "the interpreter is another Python",
        "system.python",
        lambda w: interpreter(w, "echo 'ragtrace-answer [\"cpython\", [3, 8, 1], false]'"),
    ),
    Mutation("the interpreter never answers", "system.python", lambda w: interpreter(w, "exec sleep 600"), limit=2.0),
    Mutation(
        "the base interpreter was updated",
        "system.python",
        lambda w: w.receipt(interpreter_sha256="0" * 64),
        WARN,
        helps=RECOVER,
    ),
    Mutation(
        "a model file is gone", "ragtrace.models", lambda w: (w.release.models / "tiny" / "weights.json").unlink()
    ),
    Mutation(
        "a model file is cut off", "ragtrace.models", lambda w: change(w.release.models / "tiny" / "weights.json", b"[")
    ),
    Mutation(
        "a bit flipped in a model file", "ragtrace.models", lambda w: flip(w.release.models / "tiny" / "config.json")
    ),
    Mutation("a model file and its stored copy are damaged", "ragtrace.models", spoil_model, helps=BUNDLE),
    Mutation(
        "the model answers something else",
        "ragtrace.probe",
        lambda w: change(w.release.models / "tiny" / "weights.json", b"[0.6, -0.25]"),
    ),
    Mutation(
        "the model answers with fewer numbers",
        "ragtrace.probe",
        lambda w: change(w.release.models / "tiny" / "weights.json", b"[0.5]"),
    ),
    Mutation("the model answers with no number", "ragtrace.probe", application("print('[NaN, NaN]')")),
    Mutation("the model's command prints nothing", "ragtrace.probe", application("")),
    Mutation(
        "the dashboard answers with an error",
        "ragtrace.dashboard",
        lambda w: change(w.app, w.app.read_bytes().replace(b"200", b"500")),
    ),
    Mutation("the dashboard ends at once", "ragtrace.dashboard", application("import sys; sys.exit('no template')")),
    Mutation(
        "the dashboard never answers", "ragtrace.dashboard", application("import time; time.sleep(600)"), limit=2.0
    ),
    Mutation(
        "the container is gone",
        "ragtrace.container",
        lambda w: change(w.site / "demo_lib" / "__init__.py", b"def other():\n    pass\n"),
    ),
    Mutation(
        "the container builds nothing",
        "ragtrace.container",
        lambda w: change(w.site / "demo_lib" / "__init__.py", b"embed = object()\n"),
    ),
    Mutation("the user's data folder is gone", "ragtrace.data", lambda w: shutil.rmtree(w.prefix.data), helps=OPERATOR),
    Mutation(
        "the application's data lead elsewhere",
        "ragtrace.data",
        lambda w: link_elsewhere(w.release.app / "data", w.folder / "other"),
    ),
    Mutation(
        "the user's data cannot be written",
        "ragtrace.data",
        lambda w: w.replaced("application.data.os.access", lambda *_arguments: False),
        helps=OPERATOR,
    ),
    Mutation("a required setting is missing", "ragtrace.settings", lambda w: settings(w, b"DEMO_COLOUR=red\n"), WARN),
    Mutation(
        "a setting has the example's value",
        "ragtrace.settings",
        lambda w: settings(w, b"DEMO_API_KEY=your-key\n"),
        WARN,
    ),
    Mutation(
        "a setting in .env that nobody loads",
        "ragtrace.settings",
        lambda w: settings(w, b"DEMO_API_KEY=x\nDEMO_COLOR=red\n"),
        WARN,
        helps=OPERATOR,
    ),
    Mutation(
        "a setting in .env that the release overrides",
        "ragtrace.settings",
        lambda w: settings(w, b"DEMO_API_KEY=x\nDEMO_MODEL=/elsewhere\n"),
        WARN,
        helps=OPERATOR,
    ),
    Mutation(
        "a line of .env that sets nothing",
        "ragtrace.settings",
        lambda w: settings(w, b"DEMO_API_KEY=x\nset DEMO_COLOUR=red\n"),
        WARN,
        helps=OPERATOR,
    ),
    Mutation(
        ".env is not UTF-8", "ragtrace.settings", lambda w: settings(w, b"DEMO_API_KEY=\xb3\xa1\n"), helps=OPERATOR
    ),
    Mutation(
        ".env is a folder",
        "ragtrace.settings",
        lambda w: (files.remove_tree(w.prefix.env_file), w.prefix.env_file.mkdir()),
        helps=OPERATOR,
    ),
)
