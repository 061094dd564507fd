"""Write the bytecode of a release before it is sealed, so that no start of the application compiles anything.

1. Every module of the application is compiled, with the imports that the profile lists deferred.
2. The modules that it imports from elsewhere, even inside functions, are imported once, so that Python caches their
   bytecode.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundle import strict
from shared.i18n import _
from shared.processes import process, scripts

if TYPE_CHECKING:
    from installer.release.installation import Installation
    from shared.terminal.progress import Progress

TIMEOUT = 600.0  # seconds
COMPILE = "import sys; sys.path.append(sys.argv[1]); from shared.programs.lazy import compiling; compiling.serve()"
HOME = Path(__file__).resolve().parents[2]


def compile_application(installation: Installation, env: dict[str, str], progress: Progress) -> list[str]:
    """Write the bytecode of the application's own modules, and return the modules that it imports from elsewhere.

    A failure is only a warning, after which the returned list is empty: the application still works, but starts slowly.
    """
    release, application = installation.release, installation.manifest.application
    request: dict[str, Any] = {
        "app": os.path.realpath(release.app),
        "import_paths": application.import_paths,
        "persist": application.persist,
        "lazy": application.lazy_imports,
    }
    argv = [str(release.python), "-I", "-S", "-B", "-c", COMPILE, str(HOME)]
    ended = process.run(argv, env=env, cwd=release.path, timeout=TIMEOUT, stdin=json.dumps(request).encode())
    if not ended.ok:
        last = process.last_line(ended.stderr)[:300]
        progress.warn(_("The application could not be compiled, so it will start slowly: {last}").format(last=last))
        return []
    try:
        return list(strict.parse(scripts.answer(ended.stdout) or "")["imports"])
    except (ValueError, KeyError, TypeError) as error:
        progress.warn(_("The application could not be compiled, so it will start slowly: {last}").format(last=error))
        return []
