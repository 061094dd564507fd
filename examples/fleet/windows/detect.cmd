@echo off
rem Detection for SCCM and Intune: exit code 0 and a line on stdout where the release is active, else exit code 1.
rem
rem   detect.cmd "%ProgramData%\app" 20-0123456789ab
rem
rem The second word is how the names of the release start: the release counter and the first 12 digits of the SHA-256
rem of MANIFEST.json, as `bundle_info` and the trust slip have them.
setlocal enableextensions
set "TOOL=%~1\bin\ragtrace-offline.cmd"
if not exist "%TOOL%" exit /b 1
call "%TOOL%" status --json 2>nul | find """active"": ""%~2-r" >nul
if errorlevel 1 exit /b 1
echo detected %~2
