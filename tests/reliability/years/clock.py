"""A clock that was moved, for this process."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys


@contextlib.contextmanager
def moved(days):
    """Let the installer's clock be so many days ahead."""

    class Moved(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return dt.datetime.now(tz) + dt.timedelta(days=days)

    def put(old, new):
        for name, module in list(sys.modules.items()):
            if (
                name.partition(".")[0]
                in ("bootstrap", "recovery", "validator", "installer", "fleet", "bundle", "shared")
                and vars(module).get("datetime") is old
            ):
                vars(module)["datetime"] = new

    if not days:
        yield
        return
    put(dt.datetime, Moved)
    try:
        yield
    finally:
        put(Moved, dt.datetime)
