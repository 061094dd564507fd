#!/bin/sh
# Show the SHA-256 of the installer, and start the installer only once its digest was typed from the trust slip.
here=$(CDPATH= cd -P -- "$(dirname -- "$0")" && pwd) || exit 2
file=$here/ragtrace-install.pyz
unset RAGTRACE_SLIP

case $(locale charmap 2>/dev/null) in UTF-8) korean=yes ;; *) korean= ;; esac
say() {
    printf '  %s\n' "$1"
    [ -z "$korean" ] || printf '  %s\n' "$2"
}
end() { # the window of a file manager closes with the script
    [ ! -t 0 ] || { printf '\n  Enter...'; read -r _; }
    exit "$1"
}

printf '\n  %s\n\n' "@TITLE@ @VERSION@  (@TARGET@)"
case $(uname -s)/@PLATFORM@ in
Linux/linux | Linux/musllinux | Darwin/macos) ;;
*)
    say "This bundle is for @TARGET@, not for this host." "이 호스트가 아니라 @TARGET@용 번들입니다."
    say "Copy this folder to such a host@START@." "폴더를 해당 호스트로 복사@START_KO@."
    end 4
    ;;
esac
if [ ! -f "$file" ]; then
    say "ragtrace-install.pyz is missing. Copy the whole folder." \
        "ragtrace-install.pyz 파일이 없습니다. 폴더 전체를 복사하십시오."
    end 2
fi

# 1. A Python of this host.
python=
for name in python@PYTHON@ python3; do
    [ -n "$python" ] || ! "$name" -I -c "import sys" 2>/dev/null || python=$name
done
if [ -z "$python" ]; then
    say "This host has no Python. Install Python @PYTHON@, then start install.sh again." \
        "Python이 없습니다. Python @PYTHON@ 설치 후 install.sh를 다시 실행하십시오."
    end 4
fi

# 2. The digest, by a program of this host.
if command -v sha256sum >/dev/null; then
    by=sha256sum digest=$(sha256sum <"$file")
elif command -v shasum >/dev/null; then
    by=shasum digest=$(shasum -a 256 <"$file")
else
    by=$python
    digest=$("$python" -I -c "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())" <"$file")
fi
digest=${digest%% *}
if [ "${#digest}" -ne 64 ]; then
    say "ragtrace-install.pyz cannot be read. Copy the folder again." \
        "ragtrace-install.pyz를 읽지 못합니다. 폴더를 다시 복사하십시오."
    end 4
fi

# 3. The question.
say "Nothing has been started yet. SHA-256 of ragtrace-install.pyz, by $by:" \
    "아직 아무것도 실행하지 않았습니다. ragtrace-install.pyz의 SHA-256($by):"
echo
echo "$digest" | sed -e 's/..../& /g' -e 's/\(.\{20\}\)/      \1\
/g'
cat <<END
  Compare all four rows with the trust slip. The slip is not on this medium:
  the sender made it as TRUST-SLIP.html and TRUST-SLIP.txt, and gives it to
  you out of band, on paper for example. If they are the same, type the first
  8 characters of the slip's SHA-256: the installation begins. If not, or if
  you have no slip, press Enter only: nothing is started.

END
[ -z "$korean" ] || cat <<END
  네 줄을 모두 신뢰 확인서와 비교하십시오. 확인서는 이 매체에 들어 있지
  않습니다. 보낸 사람이 TRUST-SLIP.html과 TRUST-SLIP.txt로 만들어 종이 등
  별도 경로로 전달합니다. 모두 같으면 확인서에 적힌 SHA-256의 처음 8자를
  입력하십시오. 설치가 시작됩니다. 다르거나 확인서가 없으면 Enter 키만
  누르십시오. 아무것도 실행하지 않습니다.

END
tries=0
while :; do
    printf '  > '
    answer=
    read -r answer || echo
    answer=$(printf '%s' "$answer" | tr -d ' \r' | tr ABCDEF abcdef)
    if [ -z "$answer" ]; then
        say "Nothing was started." "아무것도 실행하지 않았습니다."
        end 2
    fi
    case $answer in
    ????????*) case $digest in "$answer"*) break ;; esac ;;
    esac
    tries=$((tries + 1))
    if [ "$tries" -ge 3 ]; then
        say "Nothing was started. The slip is for another file: ask the sender again." \
            "아무것도 실행하지 않았습니다. 보낸 사람에게 번들을 다시 요청하십시오."
        end 3
    fi
    say "Not its first 8 characters. Compare again, and type them from the slip." \
        "처음 8자가 아닙니다. 다시 비교하고, 확인서에 적힌 대로 입력하십시오."
done

# 4. The installer compares what was typed once more, and installs.
echo
RAGTRACE_SLIP=$answer "$python" -I -B "$file"
end $?
