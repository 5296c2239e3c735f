@echo off
rem SPDX-License-Identifier: Apache-2.0
rem Runs in the specialize phase, after the blank password was replaced: Remote Desktop works again.
rem Add commands of your own before or after; an upgrade of the agent keeps this file.
reg add "HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server" /v fDenyTSConnections /t REG_DWORD /d 0 /f
