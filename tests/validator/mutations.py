"""Ways to break a host or an installation, each with the check that must notice it and with what helps.

``python -m tools.reference`` writes the table into docs/mutations.md; tests/validator/test_mutations.py does each.
"""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timezone

from installer.install import requirements
from installer.logs import audit_log
from shared.files import files
from tests.validator.breaking import (
    DEMO_LIB,
    NUMPY,
    PRIVATE_KEY,
    Mutation,
    application,
    by_hand,
    flip,
    forge,
    forge_a_module,
    forge_and_take_the_wheel,
    instead,
    interpreter,
    kept,
    lacks_a_library,
    leak,
    link_elsewhere,
    memory,
    module,
    old_processor,
    plant,
    settings,
    sign_as_a_stranger,
    signature,
    small_disk,
    spoil_model,
)
from tests.validator.checking import change
from validator.check import BUNDLE, ERROR, OPERATOR, RECOVER, WARN

RELEASES = (
    Mutation("current is gone", "ragtrace.release", lambda w: w.prefix.current.unlink()),
    Mutation(
        "current names a release that is not there",
        "ragtrace.release",
        lambda w: shutil.rmtree(w.release.path),
    ),
    Mutation(
        "current points outside the prefix", "ragtrace.release", lambda w: link_elsewhere(w.prefix.current, w.folder)
    ),
    Mutation("a release without COMPLETE", "ragtrace.release", lambda w: w.release.complete_file.unlink()),
    Mutation("MANIFEST.json is gone", "ragtrace.release", lambda w: (w.release.bundle / "MANIFEST.json").unlink()),
    Mutation(
        "MANIFEST.json is cut off", "ragtrace.release", lambda w: change(w.release.bundle / "MANIFEST.json", b"{")
    ),
    Mutation("the receipt is gone", "ragtrace.release", lambda w: w.release.receipt_file.unlink()),
    Mutation(
        "a byte more in MANIFEST.json",
        "security.integrity",
        lambda w: w.append(w.release.bundle / "MANIFEST.json", b" "),
    ),
    Mutation("a bit flipped in the receipt", "security.integrity", lambda w: flip(w.release.receipt_file)),
    Mutation(
        "the receipt of another release", "security.integrity", lambda w: w.receipt(release=w.release.id[:-1] + "7")
    ),
    Mutation(
        "a receipt of packages that nobody signed",
        "security.integrity",
        lambda w: w.receipt(locked=False),
        WARN,
        helps=RECOVER,
    ),
    Mutation(
        "a line more in SHA256SUMS",
        "security.integrity",
        lambda w: w.append(w.release.bundle / "SHA256SUMS", b"0" * 64 + b"  Z\n"),
    ),
    Mutation("the signature is gone", "security.integrity", lambda w: signature(w).unlink()),
    Mutation("a signature by an untrusted key", "security.integrity", sign_as_a_stranger),
    Mutation("a bit flipped in run.json", "security.integrity", lambda w: flip(w.release.run_file)),
    Mutation("a bit flipped in pyvenv.cfg", "security.integrity", lambda w: flip(w.release.venv / "pyvenv.cfg")),
    Mutation(
        "a file more in the application", "security.integrity", lambda w: plant(w.release.app / "sitecustomize.py")
    ),
    Mutation(
        "planted bytecode of a module",
        "security.integrity",
        lambda w: plant(w.site / "__pycache__" / "demo_base.cpython-399.pyc", b"evil"),
    ),
    Mutation(
        "a program more in the environment", "security.integrity", lambda w: plant(w.release.venv / "bin" / "pip")
    ),
    Mutation("a module, its RECORD, receipt and mark written anew", "security.receipt", forge_a_module),
    Mutation(
        "a module, its RECORD, receipt, mark and audit log written anew",
        "security.signed",
        lambda w: forge_a_module(w, in_the_log=True),
    ),
    Mutation(
        "all of that, and the wheel in the store replaced",
        "security.signed",
        forge_and_take_the_wheel,
        ERROR,
        helps=BUNDLE,
    ),
    Mutation(
        "a file more in the application, and all records of it",
        "security.signed",
        lambda w: forge(w, w.release.app / "sitecustomize.py", b"", in_the_log=True),
    ),
    Mutation(
        "the application altered, and all records of it",
        "security.signed",
        lambda w: forge(w, w.app, b"print(1)\n", in_the_log=True),
    ),
    Mutation(
        "run.json altered, and all records of it",
        "security.signed",
        lambda w: forge(w, w.release.run_file, b"{}", in_the_log=True),
    ),
    Mutation(
        "a line of the audit log altered",
        "security.receipt",
        lambda w: audit_log.log_file(w.prefix).write_text('{"previous": "0"}\n'),
        WARN,
    ),
    Mutation("a stored wheel is damaged", "ragtrace.store", lambda w: flip(kept(w, "wheel")), WARN, helps=BUNDLE),
    Mutation("a stored source is gone", "ragtrace.store", lambda w: kept(w, "source").unlink(), WARN, helps=RECOVER),
    Mutation("the lock is a folder", "ragtrace.places", lambda w: instead(w.prefix.state / "lock").mkdir()),
    Mutation("the journal is a pipe", "ragtrace.places", lambda w: os.mkfifo(instead(w.prefix.state / "journal.json"))),
    Mutation("the audit log is gone", "ragtrace.places", lambda w: instead(audit_log.log_file(w.prefix))),
    Mutation(
        "anybody can write an installed file", "security.permissions", lambda w: (w.site / "demo_base.py").chmod(0o666)
    ),
    Mutation("anybody can write the launchers' folder", "security.permissions", lambda w: w.prefix.bin.chmod(0o777)),
    Mutation("anybody can write the prefix", "security.permissions", lambda w: w.prefix.root.chmod(0o1777)),
    Mutation(
        "a file of the application gives its owner's rights", "security.permissions", lambda w: w.app.chmod(0o4555)
    ),
)
PACKAGES = (
    Mutation("a module is gone", "packages.record", lambda w: (w.site / "demo_base.py").unlink()),
    Mutation(
        "a bit flipped in a module, its size and times the same",
        "packages.record",
        lambda w: flip(w.site / "demo_base.py"),
    ),
    Mutation("a module is cut off", "packages.record", lambda w: change(w.site / "demo_lib" / "__init__.py", b"")),
    Mutation("a module that no package has", "packages.record", lambda w: plant(w.site / "json.py")),
    Mutation("a planted .pth file", "packages.record", lambda w: plant(w.site / "planted.pth", b"import os\n")),
    Mutation(
        "a folder of packages linked in",
        "packages.record",
        lambda w: link_elsewhere(w.site / "extra", w.folder / "extra"),
    ),
    Mutation(
        "a module is a link", "packages.record", lambda w: link_elsewhere(w.site / "demo_base.py", w.folder / "x")
    ),
    Mutation("RECORD is gone", "packages.record", lambda w: (w.site / DEMO_LIB / "RECORD").unlink()),
    Mutation("RECORD is no text", "packages.record", lambda w: change(w.site / DEMO_LIB / "RECORD", b"\xff\xfe")),
    Mutation("RECORD is emptied", "packages.record", lambda w: change(w.site / DEMO_LIB / "RECORD", b"")),
    Mutation("all packages are gone", "packages.record", lambda w: shutil.rmtree(w.site)),
    Mutation("a package is not installed", "packages.versions", lambda w: shutil.rmtree(w.site / DEMO_LIB)),
    Mutation(
        "a package of another version",
        "packages.versions",
        lambda w: (w.site / DEMO_LIB).rename(w.site / "demo_lib-9.dist-info"),
    ),
    Mutation(
        "a package twice",
        "packages.versions",
        lambda w: shutil.copytree(w.site / DEMO_LIB, w.site / "demo_lib-9.dist-info"),
    ),
    Mutation(
        "a package that the lock does not have",
        "packages.versions",
        lambda w: plant(w.site / "other-1.dist-info" / "METADATA"),
    ),
    Mutation(
        "a package asks for one that is not there",
        "packages.conflicts",
        lambda w: w.append(w.site / DEMO_LIB / "METADATA", b"Requires-Dist: other\n"),
    ),
    Mutation("uv cannot inspect the environment", "packages.conflicts", lambda w: interpreter(w, "exit 3"), ERROR),
    Mutation("an import raises", "packages.imports", module("demo_base.py", "raise ImportError('libx is missing')")),
    Mutation(
        "an import ends by a segmentation fault",
        "packages.imports",
        module("demo_base.py", "import os; os.kill(os.getpid(), 11)"),
    ),
    Mutation("an import exits with success", "packages.imports", module("demo_base.py", "import os; os._exit(0)")),
    Mutation("an import raises SystemExit", "packages.imports", module("demo_base.py", "raise SystemExit(0)")),
    Mutation(
        "an import never ends", "packages.imports", module("demo_base.py", "import time; time.sleep(600)"), limit=2.0
    ),
    Mutation(
        "an import prints our own answer and dies",
        "packages.imports",
        module("demo_base.py", "import os; print('ragtrace-answer [0.1, null]', flush=True); os._exit(1)"),
    ),
)
APPLICATIONS = (
    Mutation("the application ends with an error", "ragtrace.cli", application("import sys; sys.exit('no database')")),
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
        ".env is no UTF-8", "ragtrace.settings", lambda w: settings(w, b"DEMO_API_KEY=\xb3\xa1\n"), helps=OPERATOR
    ),
    Mutation(
        ".env is a folder",
        "ragtrace.settings",
        lambda w: (files.remove_tree(w.prefix.env_file), w.prefix.env_file.mkdir()),
        helps=OPERATOR,
    ),
)
SECURITY = by_hand(
    Mutation(".env can be read by others", "security.permissions", lambda w: w.prefix.env_file.chmod(0o644)),
    Mutation("anybody can replace the prefix", "security.ancestors", lambda w: w.prefix.root.parent.chmod(0o777)),
    Mutation(
        "another user owns the folder above",
        "security.ancestors",
        lambda w: os.chown(w.prefix.root.parent, 12345, -1),
        WARN,
        as_root=False,
    ),
    Mutation(
        "a command of somebody else's in PREFIX/bin",
        "security.strangers",
        lambda w: (w.prefix.bin / "python3").write_text("#!/bin/sh\n"),
        WARN,
    ),
    Mutation(
        "a private key among the data",
        "security.secrets",
        lambda w: leak(w, w.prefix.data / "data" / "id", PRIVATE_KEY),
    ),
    Mutation(
        "a key of .env in a file of the data",
        "security.secrets",
        lambda w: (
            settings(w, b"DEMO_API_KEY=abcdef0123456789\n"),
            leak(w, w.prefix.data / "note", "abcdef0123456789"),
        ),
    ),
)
HOSTS = by_hand(
    Mutation("the processor lacks AVX2, which torch needs", "system.cpu", old_processor),
    Mutation("too little memory is free", "system.memory", lambda w: memory(w, 100 << 20), WARN),
    Mutation("the disk is full", "system.disk", lambda w: small_disk(w, 1 << 20)),
    Mutation("no room for a repair", "system.disk", lambda w: small_disk(w, 64 << 20), WARN),
    Mutation("no inodes are left", "system.disk", lambda w: w.replaced("system.disk.free_inodes", lambda place: 3)),
    Mutation(
        "the disk is mounted read-only",
        "system.disk",
        lambda w: w.replaced("system.disk.is_read_only", lambda place: True),
    ),
    Mutation("glibc is too old", "system.glibc", lambda w: w.patch.setattr(requirements, "host_glibc", lambda: (2, 5))),
    Mutation(
        "the C library is not glibc",
        "system.glibc",
        lambda w: w.patch.setattr(requirements, "host_glibc", lambda: None),
    ),
    Mutation("the locale is not there", "system.locale", lambda w: w.patch.setenv("LC_ALL", "xx_XX.UTF-8"), WARN),
    Mutation(
        "texts are not UTF-8",
        "system.locale",
        lambda w: w.replaced("system.locale.ASK", 'print(\'ragtrace-answer [null, "EUC-KR", "utf-8"]\')'),
        WARN,
    ),
    Mutation(
        "the clock went back",
        "system.clock",
        lambda w: w.patch.setattr(requirements.Clock, "seen", lambda _clock: datetime(2020, 1, 1, tzinfo=timezone.utc)),
        WARN,
    ),
    Mutation(
        "paths are longer than the system opens",
        "system.paths",
        lambda w: w.replaced("system.paths.path_limit", lambda folder: 40),
    ),
    Mutation("a container limits memory", "system.limits", lambda w: w.cgroup("memory.max", "1000000\n"), WARN),
    Mutation("a container limits processors", "system.limits", lambda w: w.cgroup("cpu.max", "10000 100000\n"), WARN),
    Mutation("a container limits processes", "system.limits", lambda w: w.cgroup("pids.max", "20\n"), WARN),
    Mutation(
        "few files may be open", "system.limits", lambda w: w.replaced("system.limits.files_limit", lambda: 64), WARN
    ),
    Mutation(
        "uv is another version",
        "tools.uv",
        lambda w: w.patch.setattr("shared.programs.uv.binary", lambda: w.program("uv", "echo uv 0.0.1")),
    ),
    Mutation(
        "uv does not start",
        "tools.uv",
        lambda w: w.patch.setattr("shared.programs.uv.binary", lambda: w.program("uv", "exit 127")),
    ),
    Mutation(
        "ssh-keygen takes any signature",
        "tools.openssh",
        lambda w: w.patch.setenv("PATH", f"{w.program('ssh-keygen', 'exit 0').parent}:/usr/bin:/bin"),
        WARN,
    ),
    Mutation(
        "ssh-keygen cannot check signatures",
        "tools.openssh",
        lambda w: w.patch.setenv("PATH", f"{w.program('ssh-keygen', 'exit 1').parent}:/usr/bin:/bin"),
        WARN,
    ),
    Mutation("LD_PRELOAD is set", "tools.managers", lambda w: w.patch.setenv("LD_PRELOAD", ""), WARN),
    Mutation(
        "the base interpreter is conda's",
        "tools.managers",
        lambda w: w.replaced("tools.managers.owned_by_conda", lambda path: True),
        WARN,
    ),
)
MEASURED = (
    Mutation(
        "a core module does not import to be timed",
        "performance.imports",
        module("demo_base.py", "raise ImportError"),
        ERROR,
    ),
    Mutation(
        "imports are slow", "performance.imports", lambda w: w.bound("import_seconds", 1e-9, at_least=False), WARN
    ),
    Mutation("no command starts to be timed", "performance.start", application("raise SystemExit(3)"), ERROR),
    Mutation("starts are slow", "performance.start", lambda w: w.bound("start_seconds", 1e-9, at_least=False), WARN),
    Mutation(
        "the slowest import cannot be found",
        "performance.import_tree",
        module("demo_base.py", "raise ImportError"),
        ERROR,
    ),
    Mutation("numpy computes wrongly", "performance.matrix", module("numpy.py", NUMPY.replace("* other.value", ""))),
    Mutation(
        "numpy does not load", "performance.matrix", module("numpy.py", "raise ImportError('libopenblas is missing')")
    ),
    Mutation(
        "the processor is slow", "performance.matrix", lambda w: w.bound("matrix_gflops", 1e12, at_least=True), WARN
    ),
    Mutation(
        "memory is slow", "performance.memory", lambda w: w.bound("memory_gb_per_second", 1e12, at_least=True), WARN
    ),
    Mutation(
        "the disk is slow", "performance.disk", lambda w: w.bound("disk_write_mb_per_second", 1e12, at_least=True), WARN
    ),
    Mutation(
        "making sure takes long", "performance.disk", lambda w: w.bound("fsync_milliseconds", 0, at_least=False), WARN
    ),
    Mutation("the model does not load to be timed", "performance.model", application("raise SystemExit(3)"), ERROR),
    Mutation("the model is slow", "performance.model", lambda w: w.bound("model_seconds", 1e-9, at_least=False), WARN),
    Mutation(
        "the model takes too much memory",
        "performance.model",
        lambda w: w.bound("model_memory_gb", 1e-9, at_least=False),
        WARN,
    ),
)
MUTATIONS = (*RELEASES, *PACKAGES, *APPLICATIONS, *SECURITY, *HOSTS, *MEASURED)
