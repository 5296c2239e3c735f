@echo off
rem SPDX-License-Identifier: Apache-2.0
rem Runs just before Sysprep. Remote Desktop stays closed until the specialize phase opens it again:
rem in the first boot after Sysprep the administrator has a blank password for a while.
rem Add commands of your own before or after; an upgrade of the agent keeps this file.
reg add "HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server" /v fDenyTSConnections /t REG_DWORD /d 1 /f
