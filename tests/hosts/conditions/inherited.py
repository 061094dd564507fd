"""What a process inherits: variables, limits, streams, signals, umask, terminals."""

from __future__ import annotations

from tests.hosts.conditions.row import FINE, INSTALL, ROLLBACK, STATUS, VALIDATE, Ends, Row

MEGABYTE = 1 << 20
TRAP = "/srv/others"
HOSTILE = {
    "PYTHONHOME": "/usr", "PYTHONPATH": TRAP, "PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1", "PYTHONOPTIMIZE": "2",
    "UV_INDEX_URL": "http://127.0.0.1:9/", "UV_LINK_MODE": "symlink", "UV_TARGET": TRAP, "UV_CACHE_DIR": TRAP,
    "PIP_TARGET": TRAP, "PIP_INDEX_URL": "http://127.0.0.1:9/", "SSL_CERT_FILE": TRAP, "SSL_CERT_DIR": TRAP,
    "HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9", "SHIV_ROOT": TRAP, "VIRTUAL_ENV": TRAP,
}  # fmt: skip


def _env(name, english, korean, env, **more):
    return Row(name, "environment", english, korean, env=env, **more)


ENVIRONMENT = [
    _env("no-variables", "no variables at all, PATH and HOME included",
         "PATH와 HOME을 포함해 환경 변수가 전혀 없음", {"PATH": None, "HOME": None, "LANG": None}),
    _env("hostile-variables", "variables of Python, uv, pip, shiv, certificates and proxies, all set to mislead at once",
         "Python, uv, pip, shiv, 인증서, 프록시 변수가 모두 엉뚱한 값으로 설정됨", HOSTILE),
    _env("home-missing", "HOME names a folder that is not there", "HOME이 없는 폴더를 가리킴", {"HOME": "/nowhere/at/all"}),
    _env("home-relative", "HOME is a relative path", "HOME이 상대 경로임", {"HOME": "here"}),
    _env("home-empty", "HOME is empty", "HOME이 빈 값임", {"HOME": ""}),
    _env("home-a-file", "HOME names a file", "HOME이 파일을 가리킴", {"HOME": "/etc/passwd"}),
    _env("home-read-only", "HOME cannot be written", "HOME에 쓸 수 없음", {"HOME": "/srv/others"}),
    _env("state-relative", "XDG_STATE_HOME and XDG_CACHE_HOME are relative", "XDG_STATE_HOME과 XDG_CACHE_HOME이 상대 경로임",
         {"XDG_STATE_HOME": "state", "XDG_CACHE_HOME": "cache"}),
    _env("state-unwritable", "XDG_STATE_HOME and XDG_CACHE_HOME cannot be written",
         "XDG_STATE_HOME과 XDG_CACHE_HOME에 쓸 수 없음", {"XDG_STATE_HOME": TRAP, "XDG_CACHE_HOME": TRAP}),
    _env("tmpdir-missing", "TMPDIR names a folder that is not there", "TMPDIR이 없는 폴더를 가리킴", {"TMPDIR": "/nowhere"}),
    _env("tmpdir-unwritable", "TMPDIR cannot be written", "TMPDIR에 쓸 수 없음", {"TMPDIR": TRAP}),
    _env("tmpdir-long", "TMPDIR is longer than a path may be", "TMPDIR이 경로 한도보다 김", {"TMPDIR": "/tmp/" + "x" * 5000}),
    _env("path-empty", "PATH is empty", "PATH가 빈 값임", {"PATH": ""}),
    _env("path-relative", "PATH names relative folders and files", "PATH에 상대 경로와 파일이 들어 있음",
         {"PATH": ".::/etc/passwd:../bin"}),
    _env("locale-c", "locale C", "C 로캘", {"LANG": "C", "LC_ALL": "C"}),
    _env("locale-posix", "locale POSIX", "POSIX 로캘", {"LANG": "POSIX", "LC_ALL": "POSIX"}),
    _env("locale-cp949", "locale ko_KR.CP949, which the host lacks", "호스트에 없는 ko_KR.CP949 로캘", {"LC_ALL": "ko_KR.CP949"}),
    _env("locale-korean", "Korean messages", "한국어 메시지", {"LC_ALL": "ko_KR.UTF-8", "LANGUAGE": "ko"}),
    _env("locale-nonsense", "a locale that does not exist", "존재할 수 없는 로캘", {"LC_ALL": "../../etc/passwd", "LANGUAGE": "%s:\n"}),
    _env("zone-nonsense", "TZ names no time zone", "TZ가 없는 시간대를 가리킴", {"TZ": "Nowhere/Moon:///"}),
    _env("columns-zero", "COLUMNS and LINES are 0", "COLUMNS와 LINES가 0임", {"COLUMNS": "0", "LINES": "0"}),
    _env("columns-nonsense", "COLUMNS and LINES are not numbers", "COLUMNS와 LINES가 숫자가 아님", {"COLUMNS": "wide", "LINES": "-1"}),
    _env("term-unknown", "TERM is unknown", "알 수 없는 TERM", {"TERM": "moon-256color"}),
    _env("not-utf-8", "a variable whose value is not UTF-8", "UTF-8이 아닌 값을 가진 변수", {"NAME": "\udcff\udcfe", "LC_NAME": "\udcff"}),
    _env("large", "variables of a megabyte", "1 MB에 이르는 변수", {f"LC_X{number}": "x" * 100_000 for number in range(10)}),
    _env("prefix-empty", "RAGTRACE_PREFIX is empty", "RAGTRACE_PREFIX가 빈 값임", {"RAGTRACE_PREFIX": ""}),
    _env("preload-missing", "LD_PRELOAD and LD_LIBRARY_PATH name what is not there", "LD_PRELOAD와 LD_LIBRARY_PATH가 없는 파일을 가리킴",
         {"LD_PRELOAD": "/opt/agent/libagent.so", "LD_LIBRARY_PATH": "/nowhere:/etc/passwd"}),
    _env("malloc-checks", "variables that tune glibc and its loader", "glibc와 로더를 조정하는 변수",
         {"MALLOC_ARENA_MAX": "1", "MALLOC_PERTURB_": "165", "GLIBC_TUNABLES": "glibc.malloc.check=3", "LD_BIND_NOW": "1", "LD_WARN": "1"}),
    _env("zone-a-folder", "TZ names a file that is not a time zone file", "TZ가 시간대 파일이 아닌 파일을 가리킴", {"TZ": ":/etc/passwd"}),
    _env("python-tuned", "variables that tune Python", "Python을 조정하는 변수",
         {"PYTHONMALLOC": "debug", "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "cp949:strict", "PYTHONSTARTUP": TRAP, "PYTHONINTMAXSTRDIGITS": "640",
          "PYTHONPYCACHEPREFIX": "/nowhere", "PYTHONTRACEMALLOC": "5", "PYTHONSAFEPATH": "1", "PYTHONUSERBASE": TRAP}),
    _env("lang-broken", "a locale whose bytes are not UTF-8", "UTF-8이 아닌 바이트의 로캘", {"LC_ALL": "\udcff\udcfe.\udcff", "LANG": "\udcff"}),
    _env("sudo-variables", "sudo's variables of another user, without HOME", "HOME 없이 다른 사용자의 sudo 변수가 남음",
         {"HOME": None, "SUDO_USER": "nobody", "SUDO_UID": "65534", "USER": "nobody", "LOGNAME": "nobody", "XDG_RUNTIME_DIR": "/run/user/65534"}),
    _env("syslog-nonsense", "RAGTRACE_SYSLOG names no collector", "RAGTRACE_SYSLOG가 수집기 주소가 아님",
         {"RAGTRACE_SYSLOG": "nowhere:port"}, ends={INSTALL: Ends(2, "is not a valid log collector address"), STATUS: Ends(2, "is not a valid log collector address")}),
    _env("syslog-unreachable", "RAGTRACE_SYSLOG names a collector that cannot be reached",
         "RAGTRACE_SYSLOG의 수집기에 연결할 수 없음", {"RAGTRACE_SYSLOG": "tcp://192.0.2.1:514"}),
    _env("cache-unwritable", "RAGTRACE_CACHE cannot be written", "RAGTRACE_CACHE에 쓸 수 없음", {"RAGTRACE_CACHE": "/proc/x"},
         ends={INSTALL: Ends(4, "No folder is usable as the installer's cache"), STATUS: Ends(4, "No folder is usable as the installer's cache")}),
]  # fmt: skip


def _limit(name, english, korean, most, *, ends=None, **more):
    return Row(
        name, "limits", english, korean, shim={"limits": most}, ends=ends or {INSTALL: FINE, STATUS: FINE}, **more
    )


FILES = Ends(4, "ulimit -n")
NO_PROCESS = Ends(4, "prevents programs from running: Resource temporarily unavailable")
SHORT = Ends(4, "Raise the limit on processes, memory or open files")
LIMITS = [
    _limit("nofile-12", "12 open files", "열린 파일 12개", {"RLIMIT_NOFILE": 12}, ends={INSTALL: FILES, STATUS: FINE}),
    _limit("nofile-20", "20 open files", "열린 파일 20개", {"RLIMIT_NOFILE": 20}, ends={INSTALL: FILES, STATUS: FINE}),
    _limit("nofile-24", "24 open files", "열린 파일 24개", {"RLIMIT_NOFILE": 24}, ends={INSTALL: FILES, STATUS: FINE}),
    _limit("nofile-32", "32 open files", "열린 파일 32개", {"RLIMIT_NOFILE": 32}),
    _limit("nofile-64", "64 open files", "열린 파일 64개", {"RLIMIT_NOFILE": 64}),
    _limit("nproc-1", "1 process of a user", "사용자당 프로세스 1개", {"RLIMIT_NPROC": 1}, user="4301", ends={INSTALL: NO_PROCESS, STATUS: NO_PROCESS}),
    _limit("nproc-4", "4 processes of a user", "사용자당 프로세스 4개", {"RLIMIT_NPROC": 4}, user="4304", ends={INSTALL: Ends(4, "cannot start more threads"), STATUS: FINE}),
    _limit("nproc-16", "16 processes of a user", "사용자당 프로세스 16개", {"RLIMIT_NPROC": 16}, user="4316", ends={INSTALL: Ends(4, "concurrent threads"), STATUS: FINE}),
    _limit("nproc-64", "64 processes of a user", "사용자당 프로세스 64개", {"RLIMIT_NPROC": 64}, user="4364"),
    _limit("fsize-0", "files of no byte", "파일 크기 0바이트 제한", {"RLIMIT_FSIZE": 0}, ends={INSTALL: Ends(4, "ulimit -f"), STATUS: FINE}),
    _limit("fsize-4096", "files of 4096 bytes", "파일 크기 4096바이트 제한", {"RLIMIT_FSIZE": 4096}, ends={INSTALL: Ends(4, "ulimit -f"), STATUS: FINE}),
    _limit("fsize-1m", "files of a megabyte", "파일 크기 1 MB 제한", {"RLIMIT_FSIZE": MEGABYTE}),
    _limit("memory-60m", "60 MB of memory", "메모리 60 MB", {"RLIMIT_AS": 60 * MEGABYTE}, ends={INSTALL: SHORT, STATUS: SHORT}),
    _limit("memory-120m", "120 MB of memory", "메모리 120 MB", {"RLIMIT_AS": 120 * MEGABYTE}, ends={INSTALL: SHORT, STATUS: SHORT}),
    _limit("memory-400m", "400 MB of memory", "메모리 400 MB", {"RLIMIT_AS": 400 * MEGABYTE}, ends={INSTALL: SHORT, STATUS: FINE}),
    _limit("data-100m", "100 MB of data", "데이터 영역 100 MB", {"RLIMIT_DATA": 100 * MEGABYTE}, ends={INSTALL: SHORT, STATUS: SHORT}),
    _limit("stack-64k", "64 KB of stack", "스택 64 KB", {"RLIMIT_STACK": 64 << 10}, ends={INSTALL: Ends(4, "ulimit -s"), STATUS: FINE}),
    _limit("stack-256k", "256 KB of stack", "스택 256 KB", {"RLIMIT_STACK": 256 << 10}),
    _limit("stack-unlimited", "a stack without limit", "스택 무제한", {"RLIMIT_STACK": -1}),
    _limit("cpu-60", "60 seconds of processor", "CPU 60초", {"RLIMIT_CPU": 60}),
    _limit("core-unlimited", "core files without limit", "코어 파일 무제한", {"RLIMIT_CORE": -1}),
    _limit("memlock-0", "no locked memory", "잠근 메모리 0", {"RLIMIT_MEMLOCK": 0}),
    _limit("sigpending-0", "no pending signals", "대기 신호 0개", {"RLIMIT_SIGPENDING": 0}),
]  # fmt: skip


def _stream(name, english, korean, shim, *, ends=None):
    return Row(name, "streams", english, korean, shim=shim, ends=ends or {INSTALL: FINE, STATUS: FINE, VALIDATE: FINE})


STREAMS = [
    _stream("stdin-closed", "standard input closed", "표준 입력이 닫힘", {"closed": (0,)}),
    _stream("stdout-closed", "standard output closed", "표준 출력이 닫힘", {"closed": (1,)}),
    _stream("stderr-closed", "standard error closed", "표준 오류가 닫힘", {"closed": (2,)}),
    _stream("all-closed", "all three streams closed", "세 스트림이 모두 닫힘", {"closed": (0, 1, 2)}),
    _stream("stdout-full", "standard output on a full disk", "표준 출력이 가득 찬 디스크임", {"streams": {1: "/dev/full"}}),
    _stream("stderr-full", "standard error on a full disk", "표준 오류가 가득 찬 디스크임", {"streams": {2: "/dev/full"}}),
    _stream("both-full", "both output streams on a full disk", "두 출력 스트림이 모두 가득 찬 디스크임",
            {"streams": {1: "/dev/full", 2: "/dev/full"}}),
    _stream("stdout-broken", "standard output is a pipe without a reader", "표준 출력이 읽는 쪽이 없는 파이프임", {"broken": (1,)}),
    _stream("stderr-broken", "standard error is a pipe without a reader", "표준 오류가 읽는 쪽이 없는 파이프임", {"broken": (2,)}),
    _stream("both-broken", "both output streams are pipes without a reader", "두 출력이 모두 읽는 쪽이 없는 파이프임", {"broken": (1, 2)}),
    _stream("stdin-endless", "standard input never ends", "표준 입력이 끝나지 않음", {"streams": {0: "/dev/zero"}}),
    _stream("stdout-null", "both output streams are /dev/null", "두 출력이 /dev/null임",
            {"streams": {1: "/dev/null", 2: "/dev/null"}}),
]  # fmt: skip

SIGNALS = [
    Row("nohup", "processes", "SIGHUP ignored (nohup)", "SIGHUP 무시(nohup)", shim={"ignored": ("SIGHUP",)}),
    Row("signals-ignored", "processes", "SIGHUP, SIGINT, SIGTERM, SIGCHLD and SIGQUIT ignored",
        "SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGQUIT 무시",
        shim={"ignored": ("SIGHUP", "SIGINT", "SIGTERM", "SIGCHLD", "SIGQUIT")}),
    Row("signals-blocked", "processes", "SIGTERM, SIGINT, SIGCHLD and SIGALRM blocked", "SIGTERM, SIGINT, SIGCHLD, SIGALRM 차단",
        shim={"blocked": ("SIGTERM", "SIGINT", "SIGCHLD", "SIGALRM")}),
    Row("no-session", "processes", "a session without a terminal (a service)", "터미널이 없는 세션(서비스)", shim={"session": True}),
    Row("first-process", "processes", "process 1 of a container", "컨테이너의 1번 프로세스",
        through=("unshare", "--pid", "--fork", "--mount-proc")),
    Row("user-namespace", "processes", "root of a user namespace (a rootless container)", "사용자 네임스페이스의 root(루트리스 컨테이너)",
        through=("unshare", "--user", "--map-root-user"), user="root"),
    Row("hostname-odd", "processes", "a host whose name has bytes that are not text", "호스트 이름에 문자가 아닌 바이트가 있음",
        through=("unshare", "--uts", "sh", "-c", 'printf "h\\377 \\033[31m{x}%%s" > /proc/sys/kernel/hostname; exec "$@"', "sh")),
    Row("service-restricted", "processes", "a service of systemd without home, devices and privileges (DynamicUser)",
        "홈, 장치, 권한이 없는 systemd 서비스(DynamicUser)", user="61234", place="/var/tmp/place", env={"HOME": "/", "TMPDIR": "/var/tmp"},
        before="mount -t tmpfs -o mode=0,ro t /home; mount -t tmpfs -o mode=0,ro t /root;"
               "for d in /etc /opt /usr; do mount --bind $d $d; mount -o remount,bind,ro $d; done",
        through=("setpriv", "--no-new-privs"), shim={"umask": 0o077, "session": True}),
    Row("idle-priority", "processes", "the lowest priority", "가장 낮은 우선순위", through=("nice", "-n", "19")),
    Row("busy", "processes", "eight others keep the processors busy", "다른 프로세스 8개가 CPU를 계속 사용함", alone=True,
        before='pids=; for n in 1 2 3 4 5 6 7 8; do (while :; do :; done) & pids="$pids $!"; done', after="kill $pids"),
]  # fmt: skip


def _refusing(name, english, korean, ends=None, **refused):
    return Row(name, "kernel", english, korean, shim={"refused": refused}, ends=ends or {INSTALL: FINE})


KERNEL = [
    _refusing("no-clone3", "clone3 refused (an old container runtime)", "clone3 거부(오래된 컨테이너 런타임)", clone3="ENOSYS"),
    _refusing("clone3-forbidden", "clone3 forbidden", "clone3 금지", ends={INSTALL: Ends(4, "cannot start more threads"), STATUS: FINE}, clone3="EPERM"),
    _refusing("no-flock", "locks refused", "잠금 거부", ends={INSTALL: Ends(4, "does not support locks: No locks available"), STATUS: FINE},
              flock="ENOLCK"),
    _refusing("flock-unknown", "a filesystem without locks", "잠금이 없는 파일 시스템", ends={INSTALL: Ends(4, "does not support locks")},
              flock="EOPNOTSUPP"),
    _refusing("no-copy-file-range", "copy_file_range refused", "copy_file_range 거부", copy_file_range="ENOSYS", sendfile="EINVAL"),
    _refusing("no-renameat2", "renameat2 refused", "renameat2 거부", renameat2="ENOSYS"),
    _refusing("no-statx", "statx refused", "statx 거부", statx="EPERM"),
    _refusing("no-openat2", "openat2, close_range, faccessat2 and pidfd_open refused",
              "openat2, close_range, faccessat2, pidfd_open 거부",
              openat2="ENOSYS", close_range="ENOSYS", faccessat2="ENOSYS", pidfd_open="ENOSYS"),
    _refusing("no-fchmodat2", "fchmodat2 refused", "fchmodat2 거부", fchmodat2="ENOSYS"),
    _refusing("no-memfd", "memfd_create refused", "memfd_create 거부", memfd_create="ENOSYS"),
    _refusing("no-eventfd", "eventfd, epoll and io_uring refused", "eventfd, epoll, io_uring 거부", ends={INSTALL: Ends(4, "cannot use epoll"), STATUS: FINE},
              io_uring_setup="ENOSYS", eventfd2="ENOSYS", epoll_create1="ENOSYS"),
    _refusing("no-sockets", "sockets refused", "소켓 거부", ends={INSTALL: Ends(4, "cannot use sockets"), STATUS: FINE}, socket="EACCES", socketpair="EACCES"),
    _refusing("write-stale", "the share of the prefix was lost (ESTALE)", "설치 경로가 있는 공유 연결이 끊어짐(ESTALE)", fsync="ESTALE", fdatasync="ESTALE", syncfs="ESTALE",
              ends={INSTALL: Ends(4, "Stale file handle"), STATUS: FINE}),
    _refusing("no-rename", "a security module denies renaming", "보안 모듈이 이름 바꾸기를 막음", rename="EACCES", renameat="EACCES", renameat2="EACCES",
              ends={INSTALL: Ends(4, "cannot rename files"), STATUS: FINE}),
    _refusing("no-signals", "signals to other processes denied", "다른 프로세스에 보내는 신호 거부", kill="EPERM", tkill="EPERM"),
    _refusing("no-sessions", "sessions and process groups refused", "세션과 프로세스 그룹 생성 거부", setsid="EPERM", setpgid="EPERM",
              ends={INSTALL: Ends(4, "Operation not permitted"), STATUS: FINE}),
    _refusing("no-statfs", "statfs refused", "statfs 거부", statfs="EPERM", fstatfs="EPERM"),
    _refusing("no-getrandom", "getrandom refused", "getrandom 거부", getrandom="ENOSYS"),
    _refusing("no-affinity", "sched_getaffinity refused", "sched_getaffinity 거부", sched_getaffinity="EPERM"),
    _refusing("no-xattr", "extended attributes refused", "확장 속성 거부", setxattr="EOPNOTSUPP", lsetxattr="EOPNOTSUPP",
              fsetxattr="EOPNOTSUPP", getxattr="EOPNOTSUPP", lgetxattr="EOPNOTSUPP", fgetxattr="EOPNOTSUPP",
              listxattr="EOPNOTSUPP", llistxattr="EOPNOTSUPP", flistxattr="EOPNOTSUPP"),
    _refusing("no-symlinks", "a filesystem without symbolic links", "심볼릭 링크가 없는 파일 시스템", ends={INSTALL: Ends(4, "links to folders cannot be created"), STATUS: FINE},
              symlink="EPERM", symlinkat="EPERM"),
    _refusing("no-hard-links", "a filesystem without hard links", "하드 링크가 없는 파일 시스템", ends={INSTALL: FINE},
              link="EPERM", linkat="EPERM"),
    _refusing("no-chmod", "rights of files cannot be changed", "파일 권한을 바꿀 수 없음", ends={INSTALL: Ends(4, "cannot change file permissions"), STATUS: FINE}, chmod="EPERM", fchmod="EPERM", fchmodat="EPERM", fchmodat2="EPERM"),
    _refusing("no-times", "times of files cannot be changed", "파일 시각을 바꿀 수 없음", ends={INSTALL: Ends(4, "cannot change file times")}, utimensat="EPERM"),
    _refusing("no-fsync", "nothing can be made to last (fsync)", "fsync 실패", ends={INSTALL: Ends(4, "to disk: Input/output error")},
              fsync="EIO", fdatasync="EIO", syncfs="EIO"),
    _refusing("fsync-unknown", "a filesystem without fsync", "fsync가 없는 파일 시스템", ends={INSTALL: Ends(4, "to disk: Invalid argument")},
              fsync="EINVAL", fdatasync="EINVAL", syncfs="EINVAL"),
    _refusing("no-syncfs", "syncfs refused", "syncfs 거부", syncfs="ENOSYS"),
    _refusing("no-fallocate", "fallocate refused", "fallocate 거부", fallocate="EOPNOTSUPP"),
]  # fmt: skip

UMASK = [
    Row(f"umask-{mask:03o}", "umask", f"umask {mask:03o}", f"umask {mask:03o}", shim={"umask": mask},
        ends={INSTALL: FINE, ROLLBACK: FINE})
    for mask in (0o000, 0o002, 0o027, 0o077, 0o777)
]  # fmt: skip


def _terminal(name, english, korean, rows, columns, env=None, **more):
    return Row(name, "terminal", english, korean, shim={"terminal": (rows, columns), **more}, env=env or {"TERM": "xterm"},
               ends={INSTALL: FINE, STATUS: FINE})  # fmt: skip


TERMINAL = [
    _terminal("terminal", "a terminal of 24 lines and 80 columns", "24줄 80열 터미널", 24, 80),
    _terminal("terminal-tiny", "a terminal of 1 line and 1 column", "1줄 1열 터미널", 1, 1),
    _terminal("terminal-zero", "a terminal without a size (a serial line)", "크기가 없는 터미널(시리얼)", 0, 0),
    _terminal("terminal-huge", "a terminal of 10000 columns", "10000열 터미널", 1000, 10_000),
    _terminal("terminal-dumb", "a terminal that can nothing", "기능이 없는 터미널(dumb)", 24, 80, {"TERM": "dumb"}),
    _terminal("terminal-korean", "a terminal in Korean with 20 columns", "한국어, 20열 터미널", 24, 20,
              {"TERM": "xterm", "LC_ALL": "ko_KR.UTF-8", "LANGUAGE": "ko"}),
    _terminal("terminal-ascii", "a terminal in locale C", "C 로캘 터미널", 24, 80, {"TERM": "xterm", "LC_ALL": "C"}),
    Row("terminal-gone", "terminal", "the terminal goes away at once", "터미널이 곧바로 사라짐", shim={"hangs_up": True},
        ends={INSTALL: Ends(129, ""), STATUS: Ends(129, "")}, env={"TERM": "xterm"}),
    Row("terminal-gone-nohup", "terminal", "the terminal goes away, and SIGHUP is ignored", "터미널이 사라지고 SIGHUP은 무시됨",
        shim={"hangs_up": True, "ignored": ("SIGHUP",)}, env={"TERM": "xterm"}),
]  # fmt: skip
