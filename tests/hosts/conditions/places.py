"""Where an installation lies: clocks, owners, mounts, names, filesystems, interpreters."""

from __future__ import annotations

from tests.hosts.conditions.row import (
    BACKUP,
    DRY,
    FINE,
    HOME,
    INSTALL,
    PYTHON,
    ROLLBACK,
    ROOT,
    STATUS,
    STRANGER,
    UNINSTALL,
    VALIDATE,
    VERIFY,
    Ends,
    Row,
)

YEAR = 31_556_952  # seconds
COMPILER = (("gcc", "gcc"),)
# the bundle was built later than that; what is installed is not judged by the clock again
EARLY = {INSTALL: Ends(3, "this host's clock says"), ROLLBACK: FINE, BACKUP: FINE}


def _clock(name, english, korean, shift, step=0, **more):
    lines = f"[ -e /srv/clock.so ]; echo {shift} {step} > /etc/clock; echo /srv/clock.so > /etc/ld.so.preload"
    more.setdefault("ends", {INSTALL: FINE, ROLLBACK: FINE, BACKUP: FINE})
    return Row(name, "clock", english, korean, before=lines, needs=COMPILER, **more)


CLOCK = [
    _clock("clock-a-day-back", "the clock is set back by a day", "시계가 하루 전으로 돌아감", -86_400),
    _clock("clock-a-year-back", "the clock is set back by a year", "시계가 1년 전으로 돌아감", -YEAR, ends=EARLY),
    _clock("clock-a-year-forward", "the clock is a year ahead", "시계가 1년 앞섬", YEAR),
    _clock("clock-1970", "the clock stands at 1970", "시계가 1970년", "-$(date +%s)", ends=EARLY),
    _clock("clock-2040", "the clock stands past 2038", "시계가 2038년 이후", 20 * YEAR),
    _clock("clock-2110", "the clock stands past 2106", "시계가 2106년 이후", 90 * YEAR),
    _clock("clock-backwards", "the clock goes back by a minute at each reading", "볼 때마다 시계가 1분씩 뒤로 감", 0, -60),
    _clock("clock-leaps", "the clock leaps by a day at each reading", "볼 때마다 시계가 하루씩 뜀", 0, 86_400),
    Row("files-of-2040", "clock", "files of the installation are dated in the future", "설치 파일의 날짜가 미래임",
        before="find $PREFIX -exec touch -h -d 2040-01-01 {} +", ends={INSTALL: FINE, ROLLBACK: FINE, BACKUP: FINE}),
    Row("files-of-1970", "clock", "files of the installation are dated 1970", "설치 파일의 날짜가 1970년임",
        before="find $PREFIX -exec touch -h -d @0 {} +", ends={INSTALL: FINE, ROLLBACK: FINE, BACKUP: FINE}),
]  # fmt: skip

REFUSED_ROOT = Ends(4, "root would run what that user can change")
OWNER = [
    Row("root", "owner", "root in a prefix of root's", "root가 root 소유 설치 경로에 설치", user=ROOT, place="/opt/place"),
    Row("root-in-foreign-prefix", "owner", "root in the prefix of a user", "root가 일반 사용자의 설치 경로에 설치", user=ROOT,
        before="chown -hR 1000:1000 $PREFIX", ends={INSTALL: REFUSED_ROOT, ROLLBACK: REFUSED_ROOT}),
    Row("root-below-foreign-folder", "owner", "root in a prefix below a user's folder", "root의 설치 경로가 일반 사용자 폴더 아래에 있음",
        user=ROOT, ends={INSTALL: REFUSED_ROOT}),
    Row("root-group-writable", "owner", "root below a folder that a group can write", "root의 상위 폴더에 그룹 쓰기 권한이 있음",
        user=ROOT, place="/opt/place", before="chown :1000 $PLACE; chmod g+w $PLACE", ends={INSTALL: Ends(4, "Other users can write to")}),
    Row("root-world-writable", "owner", "root below a folder that everybody can write", "root의 상위 폴더에 누구나 쓸 수 있음",
        user=ROOT, place="/opt/place", before="chmod 777 $PLACE", ends={INSTALL: Ends(4, "Other users can write to")}),
    Row("root-foreign-home", "owner", "root with the HOME of a user", "root가 다른 사용자의 HOME으로 실행", user=ROOT,
        place="/opt/place", env={"HOME": HOME}),
    Row("root-without-capabilities", "owner", "root without CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_FOWNER",
        "CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER가 없는 root", user=ROOT, place="/opt/place",
        through=("setpriv", "--bounding-set", "-chown,-dac_override,-fowner,-dac_read_search")),
    Row("user-in-roots-prefix", "owner", "a user in the prefix of root", "일반 사용자가 root의 설치 경로에 설치",
        before="chown -hR 0:0 $PREFIX", ends={INSTALL: Ends(4, "only its owner"), STATUS: Ends(4, "only its owner"), VALIDATE: Ends(4, "only its owner")}),
    Row("user-in-anothers-prefix", "owner", "a user in the prefix of another user", "일반 사용자가 다른 사용자의 설치 경로에 설치",
        before="chown -hR 2000:2000 $PREFIX", ends={INSTALL: Ends(4, "only its owner"), ROLLBACK: Ends(4, "only its owner")}),
    Row("no-passwd-entry", "owner", "a user without an entry in passwd", "passwd에 없는 사용자", user=STRANGER),
    Row("no-passwd-entry-no-home", "owner", "a user without an entry in passwd and without HOME",
        "passwd에도 없고 HOME도 없는 사용자", user=STRANGER, env={"HOME": None},
        ends={INSTALL: Ends(4, "This user has no home folder"), STATUS: FINE}),
    Row("no-passwd-file", "owner", "a host without passwd and group", "passwd와 group이 없는 호스트",
        before="rm /etc/passwd /etc/group"),
    Row("setgid-folder", "owner", "a folder that hands on its group (setgid)", "그룹을 물려주는 폴더(setgid)",
        before="chown :2000 $PLACE; chmod g+s $PLACE $PREFIX"),
    Row("sticky-folder", "owner", "a prefix in /tmp", "/tmp 안의 설치 경로", place="/tmp/place"),
    Row("data-of-another", "owner", "data of another user (a service)", "데이터가 다른 사용자(서비스)의 것임", user=ROOT, place="/opt/place",
        before="chown -hR 2000:2000 $PREFIX/data $PREFIX/.env", ends={INSTALL: FINE, BACKUP: FINE}),
    Row("data-unreadable", "owner", "data that the caller cannot read", "호출자가 읽을 수 없는 데이터",
        before="chown -hR 2000:2000 $PREFIX/data/data/notes.txt; chmod 600 $PREFIX/data/data/notes.txt",
        ends={INSTALL: Ends(4, "notes.txt"), BACKUP: Ends(4, "notes.txt")}),
    Row("prefix-unwritable", "owner", "a prefix that its owner cannot write", "소유자도 쓸 수 없는 설치 경로",
        before="chmod 555 $PREFIX $PREFIX/state $PREFIX/releases", ends={INSTALL: Ends(4, "cannot be written: Permission denied")}, works=False),
    Row("medium-unreadable", "owner", "a medium that the caller cannot read", "호출자가 읽을 수 없는 매체", medium="/srv/here/medium",
        before="chmod 600 $MEDIUM/bundle/*.tar.gz", ends={INSTALL: Ends(4, "Permission denied"), VERIFY: Ends(4, "Permission denied")}),
    Row("immutable-home", "owner", "a home that belongs to root", "홈 폴더가 root 소유임", before=f"chown 0:0 {HOME}"),
]  # fmt: skip


# a /dev of this run alone, without the nodes that are named
DEV = """mount -t tmpfs -o mode=755 t /srv/own/dev
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
IFS=: read -r name major minor <<< $node
[[ " {without} " == *" $name "* ]] || mknod -m 666 /srv/own/dev/$name c $major $minor
done
ln -s pts/ptmx /srv/own/dev/ptmx; ln -s /proc/self/fd /srv/own/dev/fd
mkdir /srv/own/dev/pts /srv/own/dev/shm
mount --bind /dev/pts /srv/own/dev/pts; [[ "{without}" == *shm* ]] || mount --bind /dev/shm /srv/own/dev/shm
mount --rbind /srv/own/dev /dev
"""


def _mount(name, english, korean, lines="", **more):
    return Row(name, "mounts", english, korean, before=more.pop("before", lines), **more)


FAILS = Ends(4, "the medium or its drive is failing")
READ_ONLY = "mount --bind $PLACE $PLACE; mount -o remount,bind,ro $PLACE"
MOUNTS = [
    _mount("prefix-read-only", "the prefix is on a filesystem that is read-only", "설치 경로가 읽기 전용 파일 시스템에 있음", READ_ONLY,
           ends={INSTALL: Ends(4, "Read-only"), STATUS: FINE, VALIDATE: FINE}),
    _mount("prefix-noexec", "the prefix is mounted noexec", "설치 경로가 noexec로 마운트됨",
           "mount --bind $PLACE $PLACE; mount -o remount,bind,noexec $PLACE", ends={INSTALL: Ends(4, "noexec"), STATUS: FINE},
           works=False),
    _mount("prefix-nodev", "the prefix is mounted nodev, nosuid, noatime", "설치 경로가 nodev, nosuid, noatime으로 마운트됨",
           "mount --bind $PLACE $PLACE; mount -o remount,bind,nodev,nosuid,noatime $PLACE"),
    _mount("medium-read-only", "the medium is read-only and noexec", "매체가 읽기 전용, noexec임",
           "mount --bind $MEDIUM $MEDIUM; mount -o remount,bind,ro,noexec $MEDIUM"),
    _mount("medium-fails", "the medium fails while it is read", "읽는 도중 매체에 오류가 남", "mount --bind /proc/$$/mem $MEDIUM/bundle/*.tar.gz",
           medium="/srv/here/medium", user=ROOT, place="/opt/place", ends={INSTALL: FAILS, VERIFY: FAILS}),
    _mount("medium-fails-unpacked", "a file of an unpacked bundle cannot be read", "풀어 놓은 번들의 파일을 읽을 수 없음",
           "cd $MEDIUM/bundle; tar -xf *.tar.gz; rm *.tar.gz; mount --bind /proc/$$/mem */02_Dependencies/pylock.toml; cd /",
           medium="/srv/here/medium", user=ROOT, place="/opt/place", ends={INSTALL: FAILS, VERIFY: FAILS}),
    _mount("tmp-noexec", "/tmp, /var/tmp and /dev/shm are noexec", "/tmp, /var/tmp, /dev/shm이 noexec임",
           "for d in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o noexec,mode=1777 t $d; done"),
    _mount("tmp-full", "/tmp is full", "/tmp가 가득 참",
           "mount -t tmpfs -o size=64k,mode=1777 t /tmp; dd if=/dev/zero of=/tmp/fill 2>/dev/null || :"),
    _mount("home-noexec", "the home is mounted noexec", "홈이 noexec로 마운트됨",
           f"mount --bind {HOME} {HOME}; mount -o remount,bind,noexec {HOME}", place="/tmp/place"),
    _mount("home-full", "the home is full", "홈이 가득 참",
           f"mount -t tmpfs -o size=64k,mode=755 t {HOME}; chown 1000:1000 {HOME}; dd if=/dev/zero of={HOME}/fill 2>/dev/null || :",
           place="/tmp/place"),
    _mount("prefix-small", "the prefix is on a filesystem of 3 MB", "설치 경로가 3 MB 파일 시스템에 있음", start="empty", works=False,
           mounts="mkdir -p $PLACE; mount -t tmpfs -o size=3m,mode=755 t $PLACE; chown 1000:1000 $PLACE",
           ends={INSTALL: Ends(4, "space"), DRY: Ends(4, "space")}),
    _mount("prefix-few-inodes", "the prefix is on a filesystem with 40 inodes", "설치 경로가 아이노드 40개짜리 파일 시스템에 있음",
           start="empty", works=False,
           mounts="mkdir -p $PLACE; mount -t tmpfs -o nr_inodes=40,mode=755 t $PLACE; chown 1000:1000 $PLACE",
           ends={INSTALL: Ends(4, "inodes"), DRY: Ends(4, "inodes")}),
    _mount("prefix-tmpfs", "the prefix is on a tmpfs", "설치 경로가 tmpfs에 있음",
           mounts="mkdir -p $PLACE; mount -t tmpfs -o size=300m,mode=755 t $PLACE; chown 1000:1000 $PLACE"),
    _mount("prefix-mount-point", "the prefix itself is a mount point", "설치 경로 자체가 마운트 지점임",
           "mount --bind $PREFIX $PREFIX"),
    _mount("data-mount-point", "the data are a mount point", "데이터가 마운트 지점임",
           "mkdir /srv/own/d; cp -a $PREFIX/data/. /srv/own/d; mount --bind /srv/own/d $PREFIX/data",
           ends={INSTALL: FINE, BACKUP: FINE, UNINSTALL: FINE}, works=False),
    _mount("data-mounted-from-here", "the data are mounted from a folder of the same filesystem", "데이터가 같은 파일 시스템의 폴더에서 마운트됨",
           "cp -a $PREFIX/data $PLACE/d; mount --bind $PLACE/d $PREFIX/data", ends={INSTALL: FINE, BACKUP: FINE, ROLLBACK: FINE}),
    _mount("settings-mounted", ".env is mounted (a container's settings)", ".env가 마운트됨(컨테이너의 설정)",
           "cp -a $PREFIX/.env $PLACE/e; mount --bind $PLACE/e $PREFIX/.env", ends={INSTALL: FINE, BACKUP: FINE, ROLLBACK: FINE}),
    _mount("mount-in-data", "a mount point inside the data", "데이터 안에 마운트 지점이 있음",
           "mkdir $PREFIX/data/data/m; mount -t tmpfs -o mode=755 t $PREFIX/data/data/m; echo x > $PREFIX/data/data/m/f;"
           "chown -R 1000:1000 $PREFIX/data/data/m", ends={INSTALL: FINE, BACKUP: FINE, ROLLBACK: FINE}),
    _mount("state-mount-point", "releases, store and state are filesystems of their own",
           "releases, store, state가 각각 다른 파일 시스템임",
           "for n in releases store state backups; do mkdir -p $PREFIX/$n /srv/own/$n; cp -a $PREFIX/$n/. /srv/own/$n;"
           "chown --reference=$PREFIX /srv/own/$n; mount -t tmpfs t $PREFIX/$n; cp -a /srv/own/$n/. $PREFIX/$n;"
           "chown --reference=/srv/own/$n $PREFIX/$n; chmod 755 $PREFIX/$n; done"),
    _mount("current-folder-elsewhere", "the working folder is on a filesystem that is read-only", "작업 폴더가 읽기 전용 파일 시스템에 있음",
           "mount -t tmpfs -o ro t /srv/here"),
    _mount("no-proc", "no /proc", "/proc 없음", "mount -t tmpfs t /proc", after="umount /proc",
           ends={INSTALL: FINE, STATUS: FINE, VALIDATE: FINE, ROLLBACK: FINE}),
    _mount("proc-hidden", "/proc hides what is others' (hidepid)", "/proc가 다른 사용자의 것을 숨김(hidepid)",
           "mount -t proc -o hidepid=2 p /proc"),
    _mount("no-sys", "no /sys", "/sys 없음", "umount -l /sys 2>/dev/null || mount -t tmpfs t /sys"),
    _mount("no-shm", "no /dev/shm", "/dev/shm 없음", DEV.format(without="shm") + "rmdir /dev/shm"),
    _mount("no-null", "no /dev/null", "/dev/null 없음", DEV.format(without="null"),
           ends={INSTALL: Ends(4, "/dev/null cannot be opened: No such file or directory"), STATUS: FINE}, works=False),
    _mount("null-closed", "/dev/null is for root alone", "/dev/null을 root만 쓸 수 있음", DEV.format(without="null") + "mknod -m 600 /dev/null c 1 3",
           ends={INSTALL: Ends(4, "/dev/null cannot be opened: Permission denied"), STATUS: FINE}, works=False),
    _mount("null-a-file", "/dev/null is an ordinary file", "/dev/null이 일반 파일임",
           DEV.format(without="null") + ": > /dev/null; chmod 666 /dev/null"),
    _mount("no-dev", "nothing in /dev", "/dev가 비어 있음", "mount -t tmpfs -o ro t /dev", ends={INSTALL: Ends(4, "/dev/null cannot be opened")}, works=False),
    _mount("no-tmp", "no /tmp", "/tmp 없음", "mount -t tmpfs -o ro,mode=0 t /tmp; mount -t tmpfs -o ro,mode=0 t /var/tmp"),
    _mount("etc-read-only", "/etc is read-only", "/etc가 읽기 전용임", "mount --bind /etc /etc; mount -o remount,bind,ro /etc"),
    _mount("etc-read-only-root", "/etc is read-only, and root installs", "/etc가 읽기 전용이고 root가 설치함",
           "mount --bind /etc /etc; mount -o remount,bind,ro /etc", user=ROOT, place="/opt/place",
           ends={INSTALL: Ends(0, "was not recorded outside its prefix"), STATUS: FINE}),
    _mount("bare-root", "everything but the prefix and the home is read-only", "설치 경로와 홈 밖은 모두 읽기 전용임",
           "mount --bind / /; for d in /tmp /var/tmp /srv/here; do mount -o remount,bind,ro $d; done"),
]  # fmt: skip


def _name(name, english, korean, folder, *, code=0, words="", **more):
    more.setdefault("ends", {INSTALL: Ends(code, words), ROLLBACK: Ends(code, words)})
    return Row(name, "names", english, korean, place=f"/mnt/{folder}", works=not code, **more)


NAMES = [
    _name("name-spaces", "a prefix with spaces in its name", "이름에 공백이 있는 설치 경로", " a  b "),
    _name("name-quotes", "a prefix with quotes and signs of the shell", "이름에 따옴표와 셸 기호가 있는 설치 경로", "a'b\"c$HOME`id`;&|<>(){}[]*?!#~%"),
    _name("name-backslash", "a prefix with a backslash", "이름에 역슬래시가 있는 설치 경로", "a\\nb"),
    _name("name-percent", "a prefix with signs of formats", "이름에 서식 기호가 있는 설치 경로", "%s{0}{name}%(x)d"),
    _name("name-colon", "a prefix with a colon", "이름에 콜론이 있는 설치 경로", "a:b", code=2, words="separates paths"),
    _name("name-newline", "a prefix with a new line", "이름에 줄바꿈이 있는 설치 경로", "a\nb", code=2, words="newline"),
    _name("name-escape", "a prefix with signs that steer a terminal", "이름에 터미널 제어 문자가 있는 설치 경로", "a\x1b[31mb", code=2,
          words="control character"),
    _name("name-not-utf-8", "a prefix whose name is not UTF-8", "이름이 UTF-8이 아닌 설치 경로", "a\udcffb", code=2, words="not UTF-8"),
    _name("name-korean", "a prefix with Korean letters", "한글 이름의 설치 경로", "평가 도구"),
    _name("name-korean-nfd", "a prefix with decomposed Korean letters", "자모가 분리된 한글 이름의 설치 경로", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
    _name("name-emoji", "a prefix with an emoji", "이모지 이름의 설치 경로", "🗂️x"),
    _name("name-dash", "a prefix that begins with a dash", "대시로 시작하는 설치 경로", "-rf"),
    _name("name-dots", "a prefix that ends with dots and begins with one", "점으로 시작하고 끝나는 설치 경로", ".a.."),
    _name("name-long", "a prefix whose name has 255 bytes", "이름이 255바이트인 설치 경로", "x" * 255),
    _name("name-deep", "a prefix of 2000 bytes", "2000바이트인 설치 경로", "/".join(["x" * 99] * 20)),
    _name("name-too-deep", "a prefix of 3300 bytes", "3300바이트인 설치 경로", "/".join(["x" * 99] * 33), code=2, words="room for the files",
          start="empty"),
    _name("name-bidi", "a prefix with signs that turn text around", "글 방향을 바꾸는 문자가 있는 설치 경로", "a\u202eb"),
    _name("name-equals", "a prefix with =, comma and @", "이름에 =, 쉼표, @가 있는 설치 경로", "a=b,c@d+e^f"),
    _name("name-case", "a prefix beside one that differs in case", "대소문자만 다른 설치 경로가 옆에 있음", "Place", before="mkdir -p /mnt/place/PREFIX"),
    Row("medium-name", "names", "a medium with spaces, quotes and Korean letters", "공백, 따옴표, 한글이 있는 매체 경로",
        medium="/srv/here/USB '자료' \"1\"  x"),
    Row("medium-newline", "names", "a medium with a new line in its path", "경로에 줄바꿈이 있는 매체", medium="/srv/here/a\nb"),
    Row("medium-not-utf-8", "names", "a medium whose path is not UTF-8", "경로가 UTF-8이 아닌 매체", medium="/srv/here/a\udcffb"),
    Row("medium-colon", "names", "a medium with a colon in its path", "경로에 콜론이 있는 매체", medium="/srv/here/a:b"),
    Row("cwd-not-utf-8", "names", "a working folder whose name is not UTF-8", "작업 폴더 이름이 UTF-8이 아님", cwd="/srv/here/\udcff",
        before="mkdir \"$(printf '/srv/here/\\377')\""),
    Row("data-names", "names", "data with names of any bytes, and 255 of them", "임의 바이트와 255바이트 이름을 가진 데이터",
        before="cd $PREFIX/data/data; for n in 'a\\\\b' \"$(printf 'a\\nb')\" \"$(printf '\\377')\" CON 'a:b' ' ' -rf \"$(printf %0255d 0)\";"
               'do echo x > "./$n"; done; chown -hR 1000:1000 .; cd /', ends={INSTALL: FINE, BACKUP: FINE, ROLLBACK: FINE}),
]  # fmt: skip

LINKS = [
    Row("prefix-a-link", "filesystems", "the prefix is a link to a folder", "설치 경로가 폴더를 가리키는 링크임",
        before="mv $PREFIX $PLACE/real; ln -s real $PREFIX", ends={INSTALL: FINE, ROLLBACK: FINE}),
    Row("parent-a-link", "filesystems", "the prefix lies behind a link", "설치 경로가 링크 뒤에 있음",
        before="mv $PLACE /home/operator/.local/place; ln -s /home/operator/.local/place $PLACE"),
    Row("prefix-dangling", "filesystems", "the prefix is a link to what is not there", "설치 경로가 없는 곳을 가리키는 링크임", start="empty",
        before="ln -s gone $PREFIX; chown -h 1000:1000 $PREFIX", works=False),
    Row("prefix-circle", "filesystems", "the prefix is a link to itself", "설치 경로가 자기 자신을 가리키는 링크임", start="empty",
        before="ln -s prefix $PREFIX", ends={INSTALL: Ends(2, "form a loop"), STATUS: Ends(2, "form a loop")}, works=False),
    Row("prefix-a-file", "filesystems", "the prefix is a file", "설치 경로가 파일임", start="empty", before="echo x > $PREFIX",
        ends={INSTALL: Ends(4, "is not a folder"), STATUS: Ends(4, "nothing is installed there")}, works=False),
    Row("prefix-foreign-files", "filesystems", "the prefix holds something else", "설치 경로에 다른 것이 들어 있음", start="empty",
        before="mkdir $PREFIX; echo x > $PREFIX/thesis.txt; chown -R 1000:1000 $PREFIX", ends={INSTALL: Ends(4, "contains files that this tool did not create")}, works=False),
    Row("data-a-link", "filesystems", "the data are a link to another folder", "데이터가 다른 폴더를 가리키는 링크임",
        before="mkdir /tmp/place; mv $PREFIX/data /tmp/place/data; ln -s /tmp/place/data $PREFIX/data", ends={INSTALL: FINE, BACKUP: FINE, ROLLBACK: FINE}),
    Row("settings-a-link", "filesystems", ".env is a link to a mount of secrets", ".env가 시크릿 마운트를 가리키는 링크임",
        before="mkdir /tmp/place; mv $PREFIX/.env /tmp/place/secrets; ln -s /tmp/place/secrets $PREFIX/.env", ends={INSTALL: FINE, BACKUP: FINE, ROLLBACK: FINE}),
    Row("settings-a-pipe", "filesystems", ".env is a pipe", ".env가 파이프임", works=False,
        before="rm $PREFIX/.env; mkfifo $PREFIX/.env; chown 1000:1000 $PREFIX/.env", ends={INSTALL: Ends(4, "not a regular file"), STATUS: FINE}),
    Row("settings-a-folder", "filesystems", ".env is a folder", ".env가 폴더임", works=False,
        before="rm $PREFIX/.env; mkdir $PREFIX/.env; chown 1000:1000 $PREFIX/.env", ends={INSTALL: Ends(4, "not a regular file"), STATUS: FINE}),
    Row("cwd-gone", "filesystems", "the working folder was removed", "작업 폴더가 삭제됨", cwd="/tmp/place/gone", before="mkdir -p /tmp/place/gone",
        through=("sh", "-c", 'rmdir /tmp/place/gone; exec "$@"', "sh"), ends={INSTALL: Ends(4, "working folder"), STATUS: Ends(4, "working folder")}),
    Row("cwd-unreadable", "filesystems", "the working folder cannot be entered", "작업 폴더에 들어갈 수 없음", cwd="/tmp/closed",
        before="mkdir -m 700 /tmp/closed"),
]  # fmt: skip

LIB = "/usr/lib/python3.*"
HIDE = """for lib in /usr/lib/python3.*/lib-dynload; do
cp -a $lib /srv/own/extensions; rm /srv/own/extensions/{module}.*.so; mount --bind /srv/own/extensions $lib
done"""


def _without(module, english, korean, **more):
    lines = HIDE.format(module=module)
    return Row(f"no-{module.strip('_').replace('_', '-')}", "interpreters", english, korean, before=lines, **more)


def _python(name, english, korean, *words, **more):
    return Row(name, "interpreters", english, korean, python=words, **more)


INTERPRETERS = [
    _python("python-link", "the interpreter is a link elsewhere", "인터프리터가 다른 곳의 링크임", "/tmp/place/py", before="mkdir /tmp/place; ln -s /usr/bin/python3 /tmp/place/py",
            works=False),
    _python("python-link-moves", "the interpreter's link has moved on before the application runs", "애플리케이션 실행 전에 인터프리터 링크가 옮겨짐",
            "/tmp/place/py", before="mkdir /tmp/place; ln -s /usr/bin/python3 /tmp/place/py", after="rm /tmp/place/py", works=False),
    _python("python-venv", "the interpreter of a virtual environment", "가상 환경의 인터프리터", "/tmp/place/venv/bin/python",
            before="/usr/bin/python3 -m venv --without-pip /tmp/place/venv"),
    _python("python-isolated", "python3 -I -S (isolated, without site)", "python3 -I -S(격리, site 없음)", *PYTHON, "-I", "-S"),
    _python("python-optimised", "python3 -OO", "python3 -OO", *PYTHON, "-OO"),
    _python("python-strict", "python3 -W error -X dev -bb", "python3 -W error -X dev -bb", *PYTHON, "-W", "error", "-X", "dev", "-bb"),
    _python("python-verbose", "python3 -X importtime", "python3 -X importtime", *PYTHON, "-X", "importtime"),
    _python("python-unbuffered", "python3 -u -E -s", "python3 -u -E -s", *PYTHON, "-u", "-E", "-s"),
    _python("python-no-utf8", "python3 -X utf8=0 in locale C", "C 로캘에서 python3 -X utf8=0", *PYTHON, "-X", "utf8=0", env={"LC_ALL": "C"}),
    _without("_ssl", "a Python without ssl", "ssl이 없는 Python"),
    _without("_hashlib", "a Python without OpenSSL's digests", "OpenSSL 해시값가 없는 Python"),
    _without("_ctypes", "a Python without ctypes (built without libffi)", "ctypes가 없는 Python(libffi 없이 빌드)",
             ends={INSTALL: Ends(4, "_ctypes missing"), STATUS: Ends(4, "_ctypes missing")}, alone=True),
    Row("ctypes-broken", "interpreters", "a Python whose ctypes cannot be loaded", "ctypes를 불러올 수 없는 Python",
        before="mount --bind /dev/null /usr/lib/python3.*/lib-dynload/_ctypes.*.so",
        ends={INSTALL: Ends(4, "_ctypes missing"), STATUS: Ends(4, "_ctypes missing")}, alone=True),
    _without("_lzma", "a Python without lzma", "lzma가 없는 Python"),
    _without("_bz2", "a Python without bz2", "bz2가 없는 Python"),
    _without("readline", "a Python without readline", "readline이 없는 Python"),
    _without("_sqlite3", "a Python without sqlite3", "sqlite3가 없는 Python"),
    _without("_multiprocessing", "a Python without multiprocessing", "multiprocessing이 없는 Python"),
    _without("_json", "a Python without its fast JSON", "빠른 JSON이 없는 Python"),
    _without("_uuid", "a Python without uuid's extension", "uuid 확장이 없는 Python"),
    _without("resource", "a Python without resource", "resource가 없는 Python", ends={INSTALL: Ends(4, "resource missing")}, alone=True),
    _without("_contextvars", "a Python without contextvars", "contextvars가 없는 Python"),
    _without("_decimal", "a Python without its fast decimal", "빠른 decimal이 없는 Python"),
    _without("mmap", "a Python without mmap", "mmap이 없는 Python"),
    _without("termios", "a Python without termios", "termios가 없는 Python"),
    Row("sitecustomize-noise", "interpreters", "a sitecustomize of the host that writes on every start",
        "시작할 때마다 출력하는 호스트의 sitecustomize", before="echo 'print(\"hello from site\")' > /etc/python3.11/sitecustomize.py",
        ends={INSTALL: Ends(4, "prints output at startup: hello from site"), STATUS: FINE}),
    Row("sitecustomize-fails", "interpreters", "a sitecustomize of the host that fails", "실패하는 호스트의 sitecustomize",
        before="echo 'raise RuntimeError(1)' > /etc/python3.11/sitecustomize.py", alone=True, works=False),
    Row("no-ensurepip", "interpreters", "a Python without ensurepip, venv, pip and distutils", "ensurepip, venv, pip, distutils가 없는 Python",
        before=f"for d in {LIB}/venv {LIB}/ensurepip {LIB}/distutils; do [ ! -d $d ] || mount -t tmpfs -o ro t $d; done"),
    Row("stdlib-read-only", "interpreters", "a standard library that cannot be written and has no bytecode", "쓸 수 없고 바이트코드도 없는 표준 라이브러리",
        before="cp -a /usr/lib/python3.11 /srv/own/lib; find /srv/own/lib -name __pycache__ -exec rm -rf {} +;"
               "mount --bind /srv/own/lib /usr/lib/python3.11; mount -o remount,bind,ro /usr/lib/python3.11"),
]  # fmt: skip
