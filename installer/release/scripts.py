"""The text of the scripts in PREFIX/bin, in which ``@name@`` stands for the command's name.

Each script starts the current release, or prints the reason and the next step and exits with a code of the tool: 4 if
this host lacks the Python interpreter, 5 if the installation is damaged. The ``PREVIOUS`` scripts are byte for byte
those of the installers that named the tool ``ragtrace``. The shell has no message catalogue, so all messages are in
English, as in the application's launcher. POSIX scripts print a question mark for each character that ends a line,
changes the direction of text or controls a terminal.
"""

from __future__ import annotations

POSIX_PREFIX = r"""#!/bin/sh
# Starts @name@ from the current release. Made by ragtrace-install; every release uses it as it is.
here=$0
while [ -L "$here" ]; do
    link=$(readlink "$here")
    case $link in /*) here=$link ;; *) here=$(dirname "$here")/$link ;; esac
done
prefix=$(CDPATH= cd -P -- "$(dirname -- "$here")/.." && pwd) || exit 5
"""
POSIX_PREVIOUS = (
    POSIX_PREFIX
    + r"""release=$(CDPATH= cd -P -- "$prefix/current" 2>/dev/null && pwd) || {
    echo "@name@: no release is active in $prefix" >&2
    exit 5
}
RAGTRACE_PREFIX=$prefix exec "$(cat "$release/interpreter")" -I -B "$release/bundle/ragtrace-install.pyz" "$@"
"""
)
POSIX_STOP = (
    POSIX_PREFIX
    + r"""quoted() {
    printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}
steer=$(printf 's/\302[\200-\237]/?/g;s/\342\200[\213-\217\250-\256]/?/g;s/\342\201[\240-\257]/?/g;s/\357\273\277/?/g')
stop() {
    code=$1
    shift
    for line; do
        shown=$(printf %s "$line" | LC_ALL=C tr '\000-\037\177' '?' | LC_ALL=C sed "$steer") || shown=$line
        printf '%s\n' "$shown" >&2
    done
    exit "$code"
}
demand_python() {
    base=$(cat "$release/interpreter" 2>&-)
    [ -x "$base" ] || stop 4 "@name@: the Python of this installation is gone: ${base:-$release/interpreter}" \
        "  next: put it back, or repair with another Python of this host:" \
        "  python3 $(quoted "$release/bundle/ragtrace-install.pyz") recover --prefix $(quoted "$prefix")"
}
release=$(CDPATH= cd -P -- "$prefix/current" 2>&- && pwd) || release=
"""
)
POSIX_APPLICATION = (
    POSIX_STOP
    + r"""[ -n "$release" ] || [ ! -L "$prefix/current" ] ||
    stop 5 "@name@: $prefix/current leads to $(readlink "$prefix/current"), which is not there" \
        "  next: $(quoted "$prefix/bin/@tool@") recover"
[ -n "$release" ] || stop 5 "@name@: no release is active in $prefix"
python=$release/venv/bin/python
[ -x "$python" ] && exec "$python" -I -B "$release/launch.py" @name@ "$@"
demand_python
stop 5 "@name@: $python is missing or cannot be executed" "  next: $(quoted "$prefix/bin/@tool@") recover"
"""
)
# after a rollback to a release of an earlier installer, the newer tool is still used; if current names no existing
# release, the installer of any release can repair it
POSIX_TOOL = (
    POSIX_STOP
    + r"""[ -n "$release" ] || for other in "$prefix"/releases/*/bundle/ragtrace-install.pyz; do
    [ -f "$other" ] && release=${other%/bundle/*}
done
[ -n "$release" ] || stop 5 "@name@: no release is active in $prefix"
[ -f "$release/command" ] || for other in "$prefix"/releases/*/command; do
    [ -f "${other%/*}/COMPLETE" ] && release=${other%/*}
done
demand_python
RAGTRACE_PREFIX=$prefix exec "$base" -I -B "$release/bundle/ragtrace-install.pyz" "$@"
"""
)

# no blocks in parentheses: a path that contains ) would end them
WINDOWS_PREFIX = r"""@echo off
rem Starts @name@ from the current release. Made by ragtrace-install; every release uses it as it is.
setlocal DisableDelayedExpansion
for %%p in ("%~dp0..") do set "RAGTRACE_PREFIX=%%~fp"
set "RAGTRACE_RELEASE="
for /f "usebackq tokens=2 delims=:{} " %%r in ("%RAGTRACE_PREFIX%\current.json") do set "RAGTRACE_RELEASE=%%~r"
"""
# the file is UTF-8, but cmd reads files in the console's code page
WINDOWS_INTERPRETER = (
    r"""for /f "tokens=2 delims=:." %%c in ('chcp') do set "RAGTRACE_CODE_PAGE=%%c"
chcp 65001 >nul 2>&1
for /f "usebackq delims=" %%i in ("%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%\interpreter") """
    r"""do set "RAGTRACE_PYTHON=%%i"
chcp %RAGTRACE_CODE_PAGE% >nul 2>&1
"""
)
WINDOWS_START = (
    r'"%RAGTRACE_PYTHON%" -I -B "%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%\bundle\ragtrace-install.pyz" %*'
    r"""
exit /b %ERRORLEVEL%
"""
)
WINDOWS_PREVIOUS = (
    WINDOWS_PREFIX
    + r"""if defined RAGTRACE_RELEASE goto start
echo @name@: no release is active in "%RAGTRACE_PREFIX%" 1>&2
exit /b 5
:start
"""
    + WINDOWS_INTERPRETER
    + WINDOWS_START
)
WINDOWS_STOP = r""":none
echo @name@: no release is active in "%RAGTRACE_PREFIX%" 1>&2
exit /b 5
:gone
echo @name@: the Python of this installation is gone: "%RAGTRACE_PYTHON%" 1>&2
echo   next: put it back, or repair with another Python of this host: 1>&2
set "RAGTRACE_RELEASE=%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%"
echo   python "%RAGTRACE_RELEASE%\bundle\ragtrace-install.pyz" recover --prefix "%RAGTRACE_PREFIX%" 1>&2
exit /b 4
"""
# a program of an environment exits with 103 if the interpreter that the environment was created from is missing
WINDOWS_APPLICATION = (
    WINDOWS_PREFIX + r"""if not defined RAGTRACE_RELEASE goto none
if not exist "%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%\launch.py" goto lost
if not exist "%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%\venv\Scripts\python.exe" goto look
"""
    r'"%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%\venv\Scripts\python.exe" -I -B '
    r'"%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%\launch.py" @name@ %*'
    r"""
if not "%ERRORLEVEL%"=="103" exit /b %ERRORLEVEL%
:look
"""
    + WINDOWS_INTERPRETER
    + r"""if not exist "%RAGTRACE_PYTHON%" goto gone
if exist "%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%\venv\Scripts\python.exe" exit /b 103
echo @name@: the environment of release %RAGTRACE_RELEASE% lacks Scripts\python.exe 1>&2
echo   next: "%RAGTRACE_PREFIX%\bin\@tool@" recover 1>&2
exit /b 5
:lost
echo @name@: release %RAGTRACE_RELEASE%, which current.json names, is missing or damaged 1>&2
echo   next: "%RAGTRACE_PREFIX%\bin\@tool@" recover 1>&2
exit /b 5
"""
    + WINDOWS_STOP
)
WINDOWS_TOOL = (
    WINDOWS_PREFIX + r"""if not defined RAGTRACE_RELEASE goto search
if exist "%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%\bundle\ragtrace-install.pyz" goto found
:search
set "RAGTRACE_RELEASE="
"""
    r"""for /f "delims=" %%d in ('dir /b /ad "%RAGTRACE_PREFIX%\releases" 2^>nul') do """
    r"""if exist "%RAGTRACE_PREFIX%\releases\%%d\bundle\ragtrace-install.pyz" set "RAGTRACE_RELEASE=%%d"
if not defined RAGTRACE_RELEASE goto none
:found
if exist "%RAGTRACE_PREFIX%\releases\%RAGTRACE_RELEASE%\command" goto tool
"""
    r"""for /f "delims=" %%d in ('dir /b /ad "%RAGTRACE_PREFIX%\releases"') do """
    r"""if exist "%RAGTRACE_PREFIX%\releases\%%d\command" """
    r"""if exist "%RAGTRACE_PREFIX%\releases\%%d\COMPLETE" set "RAGTRACE_RELEASE=%%d"
:tool
"""
    + WINDOWS_INTERPRETER
    + r"""if not exist "%RAGTRACE_PYTHON%" goto gone
"""
    + WINDOWS_START
    + WINDOWS_STOP
)
