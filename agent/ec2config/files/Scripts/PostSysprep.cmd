@echo off
rem SPDX-License-Identifier: Apache-2.0
rem Runs once after Setup, called by C:\Windows\Setup\Scripts\SetupComplete.cmd.
rem Add commands of your own before or after; an upgrade of the agent keeps this file.

rem An expired password could lock every administrator out of a new instance.
"%~dp0..\Ec2Config.exe" -passwordNeverExpires

rem SQL Server remembers the name of the machine it was installed on.
sc query MSSQLSERVER >nul 2>&1
if errorlevel 1 goto done
sqlcmd -S . -E -b -Q "declare @old sysname = @@servername, @new sysname = convert(sysname, serverproperty('MachineName')); if @old is null or @old <> @new begin if @old is not null exec sp_dropserver @old; exec sp_addserver @new, 'local' end"
if errorlevel 1 goto done
net stop MSSQLSERVER /y
net start MSSQLSERVER
:done
exit /b 0
