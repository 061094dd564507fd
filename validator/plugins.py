"""Custom checks: user-supplied Python code that runs in separate processes (docs/plugins.md).

They come as signed files in the bundle, as entry points of its packages, or as files in the host's folder
``checks`` next to its trust store, which are used only if no one but the host's administrators can write them.
"""

from __future__ import annotations

import configparser
import json
import logging
import re
import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from bundle import strict
from bundle.wheels import record
from installer.trust.ownership import require_private
from shared import reading
from shared.errors import TrustError
from shared.files import temp_folders
from shared.i18n import _, plural
from shared.processes import process, scripts
from validator.check import APPLICATION, ERROR, NORMAL, Check, CheckResult, UncheckedError
from validator.report import read_result
from validator.trials import leftovers, trial

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installer.trust.stores import TrustStores
    from validator.subject import Subject

LOG = logging.getLogger("ragtrace")
FORMAT = 1
LIMIT = 1 << 20  # bytes of a plugin's output
LOGGED = 20_000  # characters of a plugin's output that are logged if it fails
GROUP = "ragtrace.checks"  # entry point group
CALL = scripts.text("scripts/call_function")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\.py")


class Plugin(Check, ABC):
    """Runs a custom check with the release's interpreter: JSON context on stdin, JSON result on stdout."""

    category = APPLICATION
    effort = NORMAL

    @abstractmethod
    def altered(self, subject: Subject) -> str | None:
        """Return the path of the file that defines the plugin if it was altered, or None if it was not.

        Raises TrustError or UncheckedError if the plugin must not run for another reason.
        """

    @abstractmethod
    def start(self) -> list[str]:
        """Return the interpreter arguments that start the plugin."""

    def title(self) -> str:
        return _("Custom check {name}").format(name=self.id.partition(".")[2])

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        # 1. verify that it is signed or belongs to the administrators
        altered = self.altered(subject)
        if altered:
            yield self.failed(_("{path} differs from the signed file").format(path=altered), **subject.reinstall())
            return
        # 2. run it, and kill the processes that it leaves behind
        token, limit = uuid.uuid4().hex, self.left()
        env = {**trial.environment(installation), leftovers.MARK: token}
        argv = [str(installation.release.python), "-I", "-B", *self.start()]
        left = 0
        try:
            with temp_folders.scratch() as folder:
                reported = context(self, subject)
                ended = process.run(argv, env=env, cwd=folder, timeout=limit, stdin=reported, leftovers=True)
        finally:
            left = leftovers.end(token)
        if ended.stderr:
            LOG.info("%s: %s", self.id, ended.stderr[-LOGGED:])
        if not ended.ok:
            raise UncheckedError(ERROR, trial.ending(ended, limit))
        if left:
            raise UncheckedError(
                ERROR,
                plural(
                    "it left {count} process running, which was stopped",
                    "it left {count} processes running, which were stopped",
                    left,
                ).format(count=left),
            )
        # 3. parse its output
        try:
            yield self.answer(ended.stdout)
        except TrustError as error:
            LOG.info("%s answered: %s", self.id, ended.stdout[-LOGGED:])
            raise UncheckedError(ERROR, _("its output is not a result: {reason}").format(reason=error.what)) from error

    def answer(self, text: str) -> CheckResult:
        """Parse the result that a plugin printed; ``id`` and ``seconds`` in it are replaced. Raises TrustError."""
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


class FileOfBundle(Plugin):
    """One Python file that was signed as part of the bundle."""

    file: ClassVar[Path]
    sha256: ClassVar[str]

    def altered(self, subject: Subject) -> str | None:  # noqa: ARG002 - the digest of the file is enough
        return None if record.sha256_of(self.file) == self.sha256 else str(self.file)

    def start(self) -> list[str]:
        return [str(self.file)]


class FileOfHost(Plugin):
    """One Python file that the host's administrators installed."""

    file: ClassVar[Path]
    trust_stores: ClassVar[TrustStores]

    def altered(self, subject: Subject) -> str | None:  # noqa: ARG002 - it has no signature
        require_private(self.file, self.trust_stores)
        return None

    def start(self) -> list[str]:
        return [str(self.file)]


class OfPackage(Plugin):
    """A function that an installed package declares as an entry point; the declaring file must be unaltered."""

    file: ClassVar[str]  # entry_points.txt, relative to the release
    target: ClassVar[str]

    def altered(self, subject: Subject) -> str | None:
        sealed = {item.path: item.content for item in subject.need_receipt().items}
        path = subject.need_release().path / self.file
        return None if record.sha256_of(path) == sealed.get(self.file, "not sealed") else str(path)

    def start(self) -> list[str]:
        return ["-c", CALL, self.target]


class Misnamed(Plugin):
    """A file of the host whose name is not valid for a check; it is reported because it was probably meant to run."""

    file: ClassVar[Path]

    def altered(self, subject: Subject) -> str | None:  # noqa: ARG002 - it never runs
        reason = _(
            "{path} is not a valid file name for a check: use a lowercase letter, then at most 63 lowercase letters, "
            "digits or _, then .py"
        )
        raise UncheckedError(ERROR, reason.format(path=self.file))

    def start(self) -> list[str]:
        return []


def find(subject: Subject, trust_stores: TrustStores) -> list[type[Plugin]]:
    """Return a check for each plugin of the release, the host and the packages, and for each misnamed file of the host.

    If a file of the release and one of the host have the same name, the release's is used.
    """
    found: dict[str, type[Plugin]] = {}
    if subject.release is not None and subject.manifest is not None:
        folder = subject.release.bundle / "plugins"
        for entry in subject.manifest.of_kind("plugin"):
            if _NAME.fullmatch(entry.inner):
                file = folder / entry.inner
                found[file.stem] = _plugin(FileOfBundle, file.stem, file=file, sha256=entry.sha256)
    host = trust_stores.host.parent / "checks"
    try:
        names = sorted(path.name for path in host.iterdir())
    except OSError:
        names = []  # missing, or not readable by this user, for whom it is not intended
    for name in names:
        file = host / name
        if _NAME.fullmatch(name):
            found.setdefault(file.stem, _plugin(FileOfHost, file.stem, file=file, trust_stores=trust_stores))
        elif name.lower().endswith(".py"):
            short = re.sub(r"[^a-z0-9]+", "_", file.stem.lower())[:64] + ".misnamed"
            found[short] = _plugin(Misnamed, short, file=file)
    return [*found.values(), *_of_packages(subject)]


def _of_packages(subject: Subject) -> Iterator[type[Plugin]]:
    """Yield a check for each entry point in the group ``ragtrace.checks``; nothing of a package is imported here."""
    if subject.release is None or subject.manifest is None:
        return
    site = subject.release.site_packages(subject.manifest.target.python)
    for file in sorted(site.glob("*.dist-info/entry_points.txt")):
        package = re.sub(r"[^a-z0-9]+", "_", file.parent.name.partition("-")[0].lower())
        relative = file.relative_to(subject.release.path).as_posix()
        for name, target in _entry_points(file):
            short = re.sub(r"[^a-z0-9]+", "_", name.lower())
            yield _plugin(OfPackage, f"{package}.{short}", file=relative, target=target)


def _entry_points(file: Path) -> list[tuple[str, str]]:
    """Return the names and targets of the checks in an entry points file (packaging.python.org, entry points)."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names keep their case
    try:
        parser.read_string(reading.read(file, LIMIT).decode("utf-8"))
        entries = parser.items(GROUP) if parser.has_section(GROUP) else []
    except (OSError, ValueError, configparser.Error) as error:
        LOG.warning("%s: %s", file, error)
        return []
    return [(name, target.partition("[")[0].strip()) for name, target in entries]


def _plugin(kind: type[Plugin], name: str, **more: Any) -> type[Plugin]:
    return type("Own", (kind,), {"id": f"plugin.{name}", **more})


def context(plugin: Plugin, subject: Subject) -> bytes:
    """Return the JSON document that a plugin reads from stdin."""
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
