@echo off
rem Starts install.py with this host's Python; it shows how to check the installer before it runs.
where python >nul 2>nul
if errorlevel 1 (
    echo error: python is missing: install Python first. 1>&2
    exit /b 4
)
python "%~dp0install.py" %*
exit /b %ERRORLEVEL%
