@echo off
rem GPO start-up script, or the install command of Intune and SCCM: installs or upgrades silently, as SYSTEM.
rem
rem   startup.cmd \\server\bundles\20 "%ProgramData%\app" SUMS_SHA256 \\server\receipts
rem
rem The bundle is used on the read-only share in place. SUMS_SHA256 is the SHA-256 of SHA256SUMS that was verified with
rem ssh-keygen on the administrator's machine. The receipt, the JSON of status, is written to the last folder.
rem Exit codes are the tool's: 0 done, 1 the new release failed its checks, 3 not trusted, 4 this host does not fit,
rem 5 installation failed (the release before is active), 8 another run holds the lock: Intune and SCCM may try again.
setlocal enableextensions
if "%~3"=="" echo usage: startup.cmd BUNDLE PREFIX SUMS_SHA256 [RECEIPTS]& exit /b 2
set "BUNDLE=%~1"
set "PREFIX=%~2"
set "TOOL=%PREFIX%\bin\ragtrace-offline.cmd"
set "COPY=%TEMP%\ragtrace-startup-%RANDOM%%RANDOM%"
if not defined PYTHON set "PYTHON=python"

rem 1. Nothing of the bundle runs before it is the one that was verified.
mkdir "%COPY%" || exit /b 4
rem a delta bundle has no installer where its base has the same one; the installed tool takes that
if exist "%BUNDLE%\ragtrace-install.pyz" copy /y "%BUNDLE%\ragtrace-install.pyz" "%COPY%" >nul || (set CODE=4& goto end)
copy /y "%BUNDLE%\SHA256SUMS" "%COPY%" >nul || (set CODE=4& goto end)
"%PYTHON%" -I -c "import hashlib,os,sys;d=lambda n:hashlib.sha256(open(n,'rb').read()).hexdigest();s=sys.argv[1]+'/SHA256SUMS';p=sys.argv[1]+'/ragtrace-install.pyz';sys.exit(not(d(s)==sys.argv[2] and (not os.path.exists(p) or d(p).encode() in open(s,'rb').read().split())))" "%COPY%" %~3
if errorlevel 1 (
    echo %COMPUTERNAME%: the bundle in %BUNDLE% is not the one that was verified. 1>&2
    set CODE=3
    goto end
)

rem 2. Which release is active now.
set "BEFORE="
if exist "%TOOL%" call "%TOOL%" status --json 2>nul | find """active"":" > "%COPY%\before.txt"
if exist "%COPY%\before.txt" for /f "usebackq tokens=2 delims=:, " %%a in ("%COPY%\before.txt") do set "BEFORE=%%~a"

rem 3. Install, or let the installed tool verify and upgrade. A bundle that is active and intact changes nothing.
if exist "%TOOL%" (
    call "%TOOL%" upgrade "%BUNDLE%" --wait 600 --quiet
) else (
    "%PYTHON%" "%COPY%\ragtrace-install.pyz" install "%BUNDLE%" --prefix "%PREFIX%" --wait 600 --quiet
)
set CODE=%ERRORLEVEL%
if not "%CODE%"=="0" goto end

rem 4. The gate, and the way back where this run has changed something.
call "%TOOL%" validate --quiet
set CODE=%ERRORLEVEL%
if "%CODE%"=="0" goto end
echo %COMPUTERNAME%: the new release failed its checks. 1>&2
if not defined BEFORE goto end
call "%TOOL%" status --json 2>nul | find """active"": ""%BEFORE%""" >nul
if errorlevel 1 call "%TOOL%" rollback --to %BEFORE% --wait 600 --quiet

:end
if not "%~4"=="" if exist "%TOOL%" call "%TOOL%" status --json > "%~4\%COMPUTERNAME%.json"
rmdir /s /q "%COPY%" 2>nul
exit /b %CODE%
