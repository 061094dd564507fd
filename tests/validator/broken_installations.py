"""Ways to break what was installed: releases with what vouches for them, and their packages."""

from __future__ import annotations

import os
import shutil

from installer.logs import audit_log
from tests.validator.breaking import (
    DEMO_LIB,
    Mutation,
    flip,
    forge,
    forge_a_module,
    forge_and_take_the_wheel,
    instead,
    interpreter,
    kept,
    link_elsewhere,
    module,
    plant,
    sign_as_a_stranger,
    signature,
)
from tests.validator.checking import change
from validator.check import BUNDLE, ERROR, RECOVER, WARN

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
    Mutation("RECORD is not text", "packages.record", lambda w: change(w.site / DEMO_LIB / "RECORD", b"\xff\xfe")),
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
