"""Valid names for the commands of an application, so that the command that an operator types is the one that starts.

PREFIX/bin is added to a user's PATH, and a profile applies to every platform, so one rule holds for all targets. It
excludes names of this tool; names that its scripts and printed commands call; programs that hosts have by default
(other scripts on that PATH call them by name); shell keywords and builtins; and two names that a case-insensitive
filesystem or the search for a program (PATHEXT) treats as one. Programs that only some hosts have, such as docker, are
allowed: ``shadowed`` reports them to the builder.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOL = "ragtrace-offline"  # this tool's command in PREFIX/bin: validate, recover, rollback of that prefix
PREVIOUS_TOOL = "ragtrace"  # its earlier name, which applications may now use

# this tool; the interpreters that operators start the zipapp with; programs that scripts and printed commands call
_OURS = re.compile(rf"(?:{TOOL}|ragtrace-install).*")
_CALLED = re.compile(r"pythonw?[0-9.]*|pyw?|sh|cat|dirname|readlink|cmd|chcp|ssh-keygen|sha256sum|certutil|sudo")
# extensions that the user may omit on Windows: PATHEXT, and PowerShell's scripts
_SUFFIX = re.compile(r"\.(?:com|exe|bat|cmd|vbs|vbe|jse?|wsf|wsh|msc|ps1)$")

# reserved words and built-in commands, from the shells' manuals: POSIX.1-2024 XCU 2.4, 2.15 and 2.9.1; bash 5.2
# (compgen -bk); zsh 5.9 (the shell of macOS); cmd.exe (help, and cmd /?); aliases of Windows PowerShell 5.1, which
# take precedence over programs on PATH
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
# programs of hosts: utilities of POSIX.1-2024 (XCU 3); additions of the base installations of Debian 12, RHEL 9 and
# macOS 14 (coreutils, util-linux, procps, shadow, OpenSSH, systemd, apt, dnf); System32 of Windows 11, which precedes
# PREFIX on PATH; Python's tools and git, which scripts of the host and the application's developers call by name
_POSIX_PROGRAMS = """
    ar asa at awk basename batch bc c17 c99 cal cflow chgrp chmod chown cksum cmp comm compress crontab csplit ctags
    cut cxref date dd delta df diff dirname du ed env ex expand expr file find fold fuser gencat getconf getopts
    gettext grep head iconv id ipcrm ipcs join lex link ln locale localedef logger logname lpr m4 mailx make mesg
    mkdir mkfifo more msgfmt newgrp ngettext nice nl nm nohup od paste patch pathchk pax pr printf prs ps readlink
    realpath renice sed sh sort split strings strip stty tabs tail talk test timeout touch tput tr tsort tty uname
    uncompress unexpand uniq unlink uucp uudecode uuencode vi wc who xargs xgettext yacc zcat
"""
_UNIX_PROGRAMS = """
    bash dash zsh ksh csh tcsh fish rbash su sudo sudoedit visudo doas login passwd useradd userdel usermod groupadd
    base32 base64 b2sum chcon chroot factor groups hostid install md5sum mktemp mknod nproc numfmt runcon seq sha1sum
    sha224sum sha256sum sha384sum sha512sum shred shuf stat stdbuf sum sync tac tee truncate uptime users vdir whoami
    yes arch hostname egrep fgrep gzip gunzip bzip2 xz zstd tar cpio zip unzip less which whereis man perl mount
    umount fdisk mkfs fsck lsblk blkid dmesg flock getopt hwclock ionice kill losetup lscpu nsenter prlimit rename rev
    script setpriv setsid taskset unshare wall free pgrep pkill pidof pmap pwdx slabtop sysctl top vmstat watch ip
    ifconfig netstat ping route ss arp traceroute dig host nslookup curl wget rsync ssh sshd scp sftp ssh-add
    ssh-agent ssh-copy-id gpg openssl systemctl journalctl systemd loginctl hostnamectl timedatectl service init
    shutdown reboot halt poweroff apt apt-get apt-cache dpkg dnf yum rpm zypper apk pacman snap flatpak launchctl open
    osascript sw_vers brew cc gcc ld as awk gawk sed vim nano strace ltrace lsof gdb screen tmux basenc bashbug diff3
    dir dircolors dnsdomainname domainname fmt gzexe last lastlog mountpoint nisdomainname pinky printenv ptx rgrep
    sdiff tarcat ypdomainname zcmp zdiff zegrep zfgrep zforce zgrep zless zmore znew findmnt fallocate fstrim chsh
    chage chpasswd chrt namei nologin runuser setarch groupdel groupmod mkswap w skill ssh-keyscan
"""
_WINDOWS_PROGRAMS = """
    attrib bcdedit bitsadmin cacls calc certreq certutil chkdsk choice cipher cleanmgr clip cmd cmdkey comp compact
    conhost control convert cscript dism diskpart driverquery explorer expand fc find findstr format fsutil gpresult
    gpupdate icacls ipconfig label logoff msconfig msg msiexec mstsc net netsh notepad odbcconf pathping powershell
    powershell_ise pwsh query reg regedit regsvr32 replace robocopy rundll32 runas sc schtasks sfc shutdown sort subst
    svchost systeminfo takeown tar taskkill tasklist taskmgr timeout tracert tree tzutil verifier w32tm wevtutil where
    whoami winget winrm winrs wmic wscript wsl xcopy
"""
_FIELD_PROGRAMS = "git uv uvx pip pipx"
_SOME_PROGRAMS = """
    docker docker-compose podman kubectl helm terraform ansible node npm npx yarn pnpm java javac ruby gem go cargo
    rustc cmake ninja clang php lua emacs code nvim gh conda mamba micromamba poetry pdm hatch tox nox pytest ruff
    mypy black jupyter jupyter-lab ipython streamlit uvicorn gunicorn celery flask django-admin alembic
    huggingface-cli hf torchrun nvidia-smi nvcc ollama psql mysql sqlite3 redis-cli nginx
"""
_PROGRAMS = {
    program: system
    for system, programs in (
        ("Windows", _WINDOWS_PROGRAMS),
        ("Linux, macOS", _UNIX_PROGRAMS),
        ("POSIX", _POSIX_PROGRAMS),
        ("Python, git", _FIELD_PROGRAMS),
    )
    for program in programs.split()
}
_SOME = frozenset(_SOME_PROGRAMS.split())
_PYTHONS = re.compile(r"(?:pip|uvx?|pipx)[0-9.]*")  # pip3.11
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
    """Return a form that is equal for two names if they start the same program on some host (case, PATHEXT)."""
    folded = name.casefold()
    while _SUFFIX.search(folded):
        folded = _SUFFIX.sub("", folded)
    return folded


def taken(name: str) -> str | None:
    """Return the existing meaning of a name on some host, or None if the name is free."""
    word = typed(name)
    if _OURS.fullmatch(word):
        return _("{name} is reserved for the installer").format(name=name)
    if _CALLED.fullmatch(word):
        return _("{name} is a program that the installer's scripts and printed commands use").format(name=name)
    shell = _WORDS.get(word)
    if shell is None and word.partition(".")[0] in _CMD_WORDS:
        shell = "cmd"  # which runs `echo.x` as echo
    if shell:
        return _("{name} is a shell builtin or keyword ({shell}), which takes precedence over programs").format(
            name=name, shell=shell
        )
    system = _PROGRAMS.get("pip" if _PYTHONS.fullmatch(word) else word)
    if system:
        return _("{name} is also a system program ({system}), and one would run instead of the other").format(
            name=name, system=system
        )
    return None


def shadowed(name: str) -> bool:
    """Return whether a free name is also that of a program on some hosts, which the command would shadow on PATH."""
    return typed(name) in _SOME


def trouble(names: Sequence[str]) -> tuple[int, str] | None:
    """Return the index of the first name that an application's command may not have, and the reason, or None."""
    for index, name in enumerate(names):
        why = taken(name)
        if why:
            return index, why
        other = next((earlier for earlier in names[:index] if typed(earlier) == typed(name)), None)
        if other is not None:
            text = _("on a host that ignores case and extensions such as .exe, it starts the same program as {other}")
            return index, text.format(other=other)
    return None
