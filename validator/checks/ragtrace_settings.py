"""Settings: what the application needs to start is set, by PREFIX/.env or by whoever calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap import app_launcher, launchers
from bootstrap.i18n import _
from validator.check import APPLICATION, SKIP, Check, CheckResult, UncheckedError, some_of
from validator.subject import caller_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class Settings(Check):
    """Reads the names that .env and the caller's environment set; a value is never shown."""

    id = "ragtrace.settings"
    category = APPLICATION

    def title(self) -> str:
        return _("Settings")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix, manifest = subject.need_prefix(), subject.need_manifest()
        wanted = manifest.application.environment
        if not wanted.template:
            raise UncheckedError(SKIP, _("the application has no settings"))
        try:
            settings = app_launcher.settings_of(str(prefix.root), launchers.run_of(manifest))
        except (OSError, UnicodeDecodeError) as error:
            details = _("{path} cannot be read: {reason}").format(path=prefix.env_file, reason=error)
            yield self.failed(details, suggestion=_("Make it a text file (UTF-8) that this user may read."))
            return
        caller = caller_names()
        missing = [name for name in wanted.required if name not in caller and not settings.get(name)]
        untouched = [
            name
            for name in wanted.required
            if name not in caller and name not in missing and settings[name] == wanted.template[name]
        ]
        advice = _("Write NAME=value for each into {path}.").format(path=prefix.env_file)
        if missing:
            details = _("not set: {names}").format(names=some_of(missing))
            yield self.warned(details, suggestion=advice, evidence={"missing": missing})
        elif untouched:
            details = _("still the example's value: {names}").format(names=some_of(untouched))
            yield self.warned(details, suggestion=advice, evidence={"untouched": untouched})
        elif not wanted.required:
            yield self.passed(_("no setting is required"))
        else:
            yield self.passed(_("set: {names}").format(names=some_of(wanted.required)))
