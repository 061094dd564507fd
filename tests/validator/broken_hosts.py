"""Ways to break a host, what its operator answers for, and what is measured on it."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from installer.install import requirements
from tests.validator.breaking import (
    NUMPY,
    PRIVATE_KEY,
    Mutation,
    application,
    by_hand,
    leak,
    memory,
    module,
    old_processor,
    settings,
    small_disk,
)
from validator.check import ERROR, WARN

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
