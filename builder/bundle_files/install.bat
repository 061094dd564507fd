@echo off
rem Start install.py, which shows how to check the installer before running it, with this host's Python.
where python >nul 2>nul
if errorlevel 1 (
    echo error: python is missing: install Python first. 1>&2
    exit /b 4
)
python "%~dp0install.py" %*
exit /b %ERRORLEVEL%
