"""The settings of an installed application: the variables that it reads, and those that are set for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bundle import strict
from bundle.strict import Value, by, refuse
from shared.i18n import _

SETTINGS_LIMIT = 512 << 10  # bytes of names and defaults: each is a line of PREFIX/.env (app_launcher.ENV_LIMIT)
# set for the application by PREFIX/bin, launch.py and a migration, whatever the profile declares
OWN_VARIABLES = ("RAGTRACE_PREFIX", "RAGTRACE_RELEASE", "RAGTRACE_DATA_LAYOUT")
SET_BY_LAUNCHERS = ("PATH", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE")
PLACEHOLDER = "placeholder"  # used for a value that the template leaves empty
PLACES = ("app", "data", "models", "prefix", "venv")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Environment(Value):
    """The settings of an application.

    ``template`` maps each name of the env template to its placeholder; only these names and those of ``also`` and
    ``defaults`` are loaded from PREFIX/.env. ``required`` lists the settings without which the application does not
    start. ``values`` are set by every launcher, ``defaults`` only if neither the caller nor PREFIX/.env sets the name
    (app_launcher.environment has the order). ``{app} {data} {models} {prefix} {venv}`` in both are replaced by the
    installed folders.
    """

    template: dict[str, str] = field(default_factory=dict, metadata=by(strict.mapping))
    required: tuple[str, ...] = field(default=(), metadata=by(strict.texts))
    values: dict[str, str] = field(default_factory=dict, metadata=by(strict.mapping))
    also: tuple[str, ...] = field(default=(), metadata=by(strict.texts, added=True))
    defaults: dict[str, str] = field(default_factory=dict, metadata=by(strict.mapping, added=True))

    @property
    def placeholders(self) -> dict[str, str]:
        """The values that replace the user's settings in a health check; a setting with a default needs none."""
        named = {**dict.fromkeys(self.required, PLACEHOLDER), **self.template}
        return {name: value for name, value in named.items() if name not in self.defaults}

    def check(self, path: str) -> None:
        """Refuse invalid variable names, settings that the user could not set, unknown placeholders, too much text."""
        for name in (*self.template, *self.required, *self.values, *self.also, *self.defaults):
            if not VARIABLE.fullmatch(name):
                raise refuse(path, _("{name!r} is not a valid variable name").format(name=name[:80]))
        for name in self.required:
            if name not in self.template and name not in self.also:
                raise refuse(f"{path}.required", _("{name} is neither in the template nor in also").format(name=name))
        for key, added in (("also", self.also), ("defaults", tuple(self.defaults))):
            for name in added:
                if name in self.values:
                    raise refuse(f"{path}.{key}", _("{name} has a fixed value").format(name=name))
        _check_places(self.values, f"{path}.values")
        _check_places(self.defaults, f"{path}.defaults")
        if len(strict.dumps([*self.template, *self.also, self.defaults])) > SETTINGS_LIMIT:
            raise refuse(path, _("larger than {limit} bytes").format(limit=SETTINGS_LIMIT))


def _check_places(settings: dict[str, str], path: str) -> None:
    for name, setting in settings.items():
        for place in _PLACE.findall(setting):
            if place not in PLACES:
                raise refuse(f"{path}.{name}", _("{{{place}}} is not a known placeholder").format(place=place[:80]))
