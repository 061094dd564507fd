"""Which names the commands of an application may have, so that what an operator types is what starts.

PREFIX/bin goes on a user's PATH, and a profile is for every platform, so one rule holds for all targets: nothing of
ours, nothing that our scripts and printed commands call, no word that a shell takes for itself, and no two names that
a filesystem without case or the search for a program (PATHEXT) takes for one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOL = "ragtrace-offline"  # the tool's own command in PREFIX/bin: validate, recover, rollback of that prefix
FORMER_TOOL = "ragtrace"  # what it was called before it left that name to the application

# ours; the Pythons by which operators start the zipapp; what scripts in PREFIX/bin and printed commands call.
# uv is called by its absolute path, so a command of that name collides with nothing
_OURS = re.compile(rf"(?:{TOOL}|ragtrace-install).*")
_CALLED = re.compile(r"pythonw?[0-9.]*|pyw?|sh|cat|dirname|readlink|cmd|chcp|ssh-keygen|sha256sum|certutil|sudo")
# what a program's name may leave out on Windows: PATHEXT there, and PowerShell's scripts
_SUFFIX = re.compile(r"\.(?:com|exe|bat|cmd|vbs|vbe|jse?|wsf|wsh|msc|ps1)$")

# reserved words and built-in commands, by the shells' own manuals: POSIX.1-2024 XCU 2.4, 2.15 and 2.9.1; bash 5.2
# (compgen -bk); zsh 5.9 (the shell of macOS); cmd.exe (help, and cmd /?); aliases of Windows PowerShell 5.1, which win
# over programs on PATH
_POSIX = """
    case do done elif else esac fi for if in then until while break continue eval exec exit export readonly return set
    shift times trap unset alias bg cd command false fc fg getopts hash jobs kill newgrp pwd read true type ulimit umask
    unalias wait echo printf test function namespace select time
"""
_BASH = """
    bind builtin caller compgen complete compopt coproc declare dirs disown enable help history let local logout mapfile
    popd pushd readarray shopt source suspend typeset
"""
_ZSH = """
    autoload bindkey bye chdir comparguments compcall compctl compdescribe compfiles compgroups compquote comptags
    comptry compvalues echotc echoti emulate end float foreach functions getln integer limit log nocorrect noglob print
    private pushln r rehash repeat sched setopt ttyctl unfunction unhash unlimit unsetopt vared whence where which
    zcompile zformat zle zmodload zparseopts zregexparse zstyle
"""
_CMD = """
    assoc break call cd chdir cls color copy date del dir echo endlocal erase exit for ftype goto if keys md mkdir
    mklink move path pause popd prompt pushd rd rem ren rename rmdir set setlocal shift start time title type ver verify
    vol not exist defined errorlevel cmdextversion else
"""
_POWERSHELL = """
    ac asnp cat cd chdir clc clear clhy cli clp cls clv cnsn compare copy cp cpi cpp curl cvpa dbp del diff dir dnsn ebp
    echo epal epcsv epsn erase etsn exsn fc fhx fl foreach ft fw gal gbp gc gci gcm gcs gdr ghy gi gin gjb gl gm gmo gp
    gps gpv group gsn gsnp gsv gtz gu gv gwmi h history icm iex ihy ii ipal ipcsv ipmo ipsn irm ise iwmi iwr kill lp ls
    man md measure mi mount move mp mv nal ndr ni nmo npssc nsn nv ogv oh popd ps pushd pwd r rbp rcjb rcsn rd rdr ren
    ri rjb rm rmdir rmo rni rnp rp rsn rsnp rujb rv rvpa rwmi sajb sal saps sasv sbp sc scb select set shcm si sl sleep
    sls sort sp spjb spps spsv start stz sujb sv swmi tee trcm type where wget wjb write
"""
_WORDS = {
    word: shell
    for shell, words in (
        ("PowerShell", _POWERSHELL),
        ("zsh", _ZSH),
        ("cmd", _CMD),
        ("bash", _BASH),
        ("sh", _POSIX),
    )
    for word in words.split()
}
_CMD_WORDS = frozenset(_CMD.split())


def typed(name: str) -> str:
    """Return the form under which two names start the same program somewhere: no case, nothing of PATHEXT."""
    folded = name.casefold()
    while _SUFFIX.search(folded):
        folded = _SUFFIX.sub("", folded)
    return folded


def taken(name: str) -> str | None:
    """Return what a name means already where it would be typed, or None when it is free."""
    word = typed(name)
    if _OURS.fullmatch(word):
        return _("{name} is a name of the installer's own").format(name=name)
    if _CALLED.fullmatch(word):
        return _("{name} is a program that the installer's scripts and printed commands call").format(name=name)
    shell = _WORDS.get(word)
    if shell is None and word.partition(".")[0] in _CMD_WORDS:
        shell = "cmd"  # which takes `echo.x` for echo
    if shell:
        return _("{name} is a word of the shell ({shell}), which comes before any program").format(
            name=name, shell=shell
        )
    return None


def trouble(names: Sequence[str]) -> tuple[int, str] | None:
    """Return the index of the first name that an application's command may not have, and why, or None."""
    for index, name in enumerate(names):
        why = taken(name)
        if why:
            return index, why
        other = next((earlier for earlier in names[:index] if typed(earlier) == typed(name)), None)
        if other is not None:
            text = _("on a host that ignores case and endings such as .exe it starts the same program as {other}")
            return index, text.format(other=other)
    return None
