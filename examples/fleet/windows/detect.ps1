# Detection for Intune, which takes PowerShell only: prints a line and exits with 0 where the release is active.
# Fill in the two values for each release; Intune passes no arguments.
$Prefix = Join-Path $env:ProgramData 'app'
$Release = '20-0123456789ab'

$Tool = Join-Path $Prefix 'bin\ragtrace-offline.cmd'
if (-not (Test-Path -LiteralPath $Tool)) { exit 1 }
try { $Status = & $Tool status --json 2>$null | Out-String | ConvertFrom-Json } catch { exit 1 }
if ($Status.active -and $Status.active.StartsWith("$Release-r")) {
    Write-Output "detected $($Status.active)"
    exit 0
}
exit 1
