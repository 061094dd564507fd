#!/bin/sh
# Start install.py, which shows how to check the installer before running it, with this host's Python.
here=$(CDPATH= cd -P -- "$(dirname -- "$0")" && pwd) || exit 2
command -v python3 >/dev/null || { echo "error: python3 is missing: install Python first." >&2; exit 4; }
exec python3 "$here/install.py" "$@"
