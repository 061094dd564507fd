@echo off
rem Show the SHA-256 of the installer, and start the installer only once its digest was typed from the trust slip.
rem This file is in code page 949, which every Windows has, so that cmd shows Korean whatever its own code page is.
rem Programs are those of this host: the folder of the medium, where cmd would look first, is left at once.
setlocal DisableDelayedExpansion
set "file=%~dp0ragtrace-install.pyz"
cd /d "%SystemRoot%"
set "RAGTRACE_SLIP="
for /f "tokens=2 delims=:." %%c in ('chcp') do set "page=%%c"
chcp 949 >nul
set "code=2"
title @TITLE@ @VERSION@
echo.
echo   @TITLE@ @VERSION@  (@TARGET@)
echo.
if not "@PLATFORM@"=="windows" goto elsewhere
if not exist "%file%" goto missing

rem 1. A Python of this host.
set "python="
py -@PYTHON@ -I -c "import sys" >nul 2>nul && set "python=py -@PYTHON@"
if not defined python python -I -c "import sys" >nul 2>nul && set "python=python"
if not defined python py -3 -I -c "import sys" >nul 2>nul && set "python=py -3"
if not defined python goto no_python

rem 2. The digest, by a program of this host: certutil, or Python where certutil is blocked.
set "digest="
set "by=certutil"
for /f "skip=1 delims=" %%h in ('certutil -hashfile "%file%" SHA256 2^>nul') do if not defined digest set "digest=%%h"
if defined digest set "digest=%digest: =%"
if defined digest if "%digest:~0,64%"=="%digest%" if not "%digest:~0,63%"=="%digest%" goto question
set "digest="
set "by=Python"
set "hash=import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())"
for /f "delims=" %%h in ('%python% -I -c "%hash%" "%file%"') do set "digest=%%h"
if not defined digest goto unreadable

rem 3. The question.
:question
setlocal EnableDelayedExpansion
echo   Nothing has been started yet. SHA-256 of ragtrace-install.pyz, by %by%:
echo   아직 아무것도 실행하지 않았습니다. ragtrace-install.pyz의 SHA-256(%by%):
echo.
echo       !digest:~0,4! !digest:~4,4! !digest:~8,4! !digest:~12,4!
echo       !digest:~16,4! !digest:~20,4! !digest:~24,4! !digest:~28,4!
echo       !digest:~32,4! !digest:~36,4! !digest:~40,4! !digest:~44,4!
echo       !digest:~48,4! !digest:~52,4! !digest:~56,4! !digest:~60,4!
echo.
echo   Compare all four rows with the trust slip. The slip is not on this medium:
echo   the sender made it as TRUST-SLIP.html and TRUST-SLIP.txt, and gives it to
echo   you out of band, on paper for example. If they are the same, type the first
echo   8 characters of the slip's SHA-256: the installation begins. If not, or if
echo   you have no slip, press Enter only: nothing is started.
echo.
echo   네 줄을 모두 신뢰 확인서와 비교하십시오. 확인서는 이 매체에 들어 있지
echo   않습니다. 보낸 사람이 TRUST-SLIP.html과 TRUST-SLIP.txt로 만들어 종이 등
echo   별도 경로로 전달합니다. 모두 같으면 확인서에 적힌 SHA-256의 처음 8자를
echo   입력하십시오. 설치가 시작됩니다. 다르거나 확인서가 없으면 Enter 키만
echo   누르십시오. 아무것도 실행하지 않습니다.
echo.
set "tries=0"
:ask
set "answer="
set /p "answer=  > "
if not defined answer goto declined
set "answer=!answer:"=!"
if not defined answer goto declined
set "answer=!answer: =!"
if not defined answer goto declined
if "!answer:~0,7!"=="!answer!" goto wrong
if /i not "!answer:~0,8!"=="!digest:~0,8!" goto wrong

rem 4. The installer compares what was typed once more, and installs.
set "RAGTRACE_SLIP=!answer!"
echo.
%python% -I -B "!file!"
set "code=!errorlevel!"
goto end

:wrong
set /a "tries+=1"
if !tries! geq 3 goto refused
echo   Not its first 8 characters. Compare again, and type them from the slip.
echo   처음 8자가 아닙니다. 다시 비교하고, 확인서에 적힌 대로 입력하십시오.
goto ask

:refused
set "code=3"
echo   Nothing was started. The slip is for another file: ask the sender again.
echo   아무것도 실행하지 않았습니다. 보낸 사람에게 번들을 다시 요청하십시오.
goto end

:declined
echo   Nothing was started.
echo   아무것도 실행하지 않았습니다.
goto end

:elsewhere
set "code=4"
echo   This bundle is for @TARGET@, not for Windows.
echo   Copy this folder to such a host, and type there: sh install.sh
echo   Windows가 아니라 @TARGET@용 번들입니다.
echo   폴더를 해당 호스트로 복사하고 거기에서 sh install.sh를 입력하십시오.
goto end

:missing
echo   ragtrace-install.pyz is missing. Copy the whole folder.
echo   ragtrace-install.pyz 파일이 없습니다. 폴더 전체를 복사하십시오.
goto end

:unreadable
set "code=4"
echo   This host cannot read ragtrace-install.pyz. Copy the folder again.
echo   ragtrace-install.pyz를 읽지 못합니다. 폴더를 다시 복사하십시오.
goto end

:no_python
set "code=4"
echo   This host has no Python. Install Python @PYTHON@, then start install.bat again.
echo   Python이 없습니다. Python @PYTHON@ 설치 후 install.bat을 다시 실행하십시오.
goto end

:end
echo.
pause
if defined page chcp %page% >nul
exit /b %code%
