"""A user's own checks: Python files that run in processes of their own (docs/plugins.md).

They come in the bundle, signed with it, or lie in the host's folder ``checks`` beside its trust,
where they count only if nobody but the host's administrators can write them.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from bootstrap import process, record
from bootstrap.bundle import strict
from bootstrap.errors import TrustError
from bootstrap.i18n import _
from bootstrap.trust.ownership import demand_private
from validator import trial
from validator.check import APPLICATION, ERROR, NORMAL, Check, CheckResult, UncheckedError
from validator.report import read_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psutil

    from bootstrap.trust.places import Places
    from validator.subject import Subject

LOG = logging.getLogger("ragtrace")
FORMAT = 1
LIMIT = 1 << 20  # bytes of an answer
LOGGED = 20_000  # characters of what a broken one wrote to stderr
MARK = "RAGTRACE_PLUGIN_RUN"  # a variable by which what a plugin left running is found
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\.py")


class Plugin(Check):
    """Runs one Python file with the release's interpreter: context in, result out, as JSON."""

    category = APPLICATION
    effort = NORMAL
    file: ClassVar[Path]
    sha256: ClassVar[str | None] = None  # what a file of the bundle must be
    places: ClassVar[Places | None] = None  # whose owners must own a file of the host

    def title(self) -> str:
        return _("Own check {name}").format(name=self.file.stem)

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        release, manifest = subject.need_release(), subject.need_manifest()
        # 1. is the file what was signed, or the administrators' own
        if self.sha256 is not None and record.sha256_of(self.file) != self.sha256:
            yield self.failed(_("{path} is not the one that was signed").format(path=self.file), **subject.repair())
            return
        if self.places is not None:
            demand_private(self.file, self.places)
        # 2. run it, and end what it leaves running
        token, limit = uuid.uuid4().hex, self.left()
        env = {**trial.environment(release, manifest), MARK: token}
        argv = [str(release.python), "-I", "-B", str(self.file)]
        try:
            with TemporaryDirectory(prefix="ragtrace-") as folder:
                ended = process.run(argv, env=env, cwd=Path(folder), timeout=limit, stdin=context(self, subject))
        finally:
            end_leftovers(token)
        if ended.stderr:
            LOG.info("%s: %s", self.id, ended.stderr[-LOGGED:])
        if not ended.ok:
            raise UncheckedError(ERROR, trial.ending(ended, limit))
        # 3. take its answer
        try:
            yield self.answer(ended.stdout)
        except TrustError as error:
            LOG.info("%s answered: %s", self.id, ended.stdout[-LOGGED:])
            raise UncheckedError(ERROR, _("its answer is no result: {reason}").format(reason=error.what)) from error

    def answer(self, text: str) -> CheckResult:
        """Return the result that a plugin printed; its identifier and seconds are ours. Raises TrustError."""
        value: Any = strict.loads(text.encode(), "stdout", limit=LIMIT)
        if isinstance(value, dict):
            defaults = {"category": APPLICATION, "suggestion": "", "performance_metric": None}
            value = {**defaults, **value, "id": self.id, "seconds": 0}
        found = read_result(value, "stdout")
        metric = {name: (item["value"], item["unit"]) for name, item in (found.performance_metric or {}).items()}
        result = self.result(
            found.status,
            found.details,
            suggestion=found.suggestion,
            command=found.command,
            metric=metric,
            evidence=found.evidence,
            name=found.check_name,
        )
        return CheckResult(**{**vars(result), "category": found.category})


def find(subject: Subject, places: Places) -> list[type[Plugin]]:
    """Return a check for each plugin of the release and of the host; the release's own wins a name."""
    found: dict[str, type[Plugin]] = {}
    if subject.release is not None and subject.manifest is not None:
        folder = subject.release.bundle / "plugins"
        for entry in subject.manifest.of_kind("plugin"):
            if _NAME.fullmatch(entry.inner):
                found[entry.inner] = _plugin(folder / entry.inner, sha256=entry.sha256)
    host = places.host.parent / "checks"
    try:
        names = sorted(path.name for path in host.iterdir())
    except OSError:
        names = []  # there is none, or it is closed to this user: then it is not meant for him
    for name in names:
        if _NAME.fullmatch(name) and name not in found:
            found[name] = _plugin(host / name, places=places)
    return list(found.values())


def _plugin(file: Path, **more: Any) -> type[Plugin]:
    return type("Own", (Plugin,), {"id": f"plugin.{file.stem}", "file": file, **more})


def context(plugin: Plugin, subject: Subject) -> bytes:
    """Return what a plugin reads from stdin."""
    prefix, release, manifest = subject.need_prefix(), subject.need_release(), subject.need_manifest()
    value = {
        "format": FORMAT,
        "id": plugin.id,
        "limit": plugin.limit,
        "product": manifest.product.name,
        "version": manifest.product.version,
        "release": release.id,
        "prefix": str(prefix.root),
        "data": str(prefix.data),
        "app": str(release.app),
        "models": str(release.models),
        "python": str(release.python),
    }
    return json.dumps(value).encode()


def end_leftovers(token: str) -> None:
    """End every process of this user that a plugin started and left, even one in a session of its own."""
    import psutil

    for found in psutil.process_iter():
        _end_marked(found, token)


def _end_marked(found: psutil.Process, token: str) -> None:
    import psutil

    try:
        if found.environ().get(MARK) == token:
            found.kill()
    except (psutil.Error, OSError):
        pass  # another user's, or gone meanwhile
