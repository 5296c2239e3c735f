#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three settings dialogs on a screen: Wine under Xvfb, pressed by keyboard through xdotool. Each story ends with
the settings file that the keys made. KILN_SCREENSHOTS names a folder for pictures: docs/agents/pictures has them. S-numbers
are those of docs/agents/conformance.md."""
import contextlib, json, shutil, subprocess, sys
sys.path.insert(0, __file__.rpartition('/')[0])
from winelib import *

V1 = 'C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\'
CONFIG = 'C:\\Program Files\\Amazon\\Ec2ConfigService\\'
V2 = 'C:\\ProgramData\\Amazon\\EC2Launch\\config\\agent-config.yml'
FILES = TOP / 'agent'
SHOTS = os.environ.get('KILN_SCREENSHOTS')
need('dialogs/Ec2LaunchSettings.exe', 'dialogs/Ec2ConfigServiceSettings.exe', 'dialogs/EC2LaunchSettingsUI.exe')
for program in ('Xvfb', 'xdotool', 'import'):
    if not shutil.which(program):
        skip(f'{program} is missing: tools/setup-debian --test')


class Screen:
    """One dialog on a display of its own."""

    def __init__(self, m, program, title):
        self.m = m
        read, write = os.pipe()
        self.x = subprocess.Popen(['Xvfb', '-displayfd', str(write), '-screen', '0', '800x600x24', '-nolisten', 'tcp'],
                                  pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as f:
            self.env = dict(os.environ, DISPLAY=':' + f.readline().strip())
        m.env['DISPLAY'] = self.env['DISPLAY']
        m.install('dialogs/' + program, 'C:\\kiln-test\\' + program)
        self.p = subprocess.Popen([WINE, 'explorer', '/desktop=kiln,800x600', 'C:\\kiln-test\\' + program], env=m.env,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.do('search', '--sync', '--onlyvisible', '--name', '.', seconds=120)
        self.settle()
        # There is no window manager that would give the keys to the window.
        for window in self.do('search', '--onlyvisible', '--name', '.').split():
            self.do('windowfocus', window)
        self.do('mousemove', '400', str(self.title_row()), 'click', '1')
        self.settle()

    def do(self, *args, seconds=30):
        return subprocess.run(['xdotool', *args], env=self.env, capture_output=True, text=True, timeout=seconds).stdout

    def picture(self):
        return subprocess.run(['import', '-window', 'root', '-depth', '8', 'rgb:-'], env=self.env, capture_output=True, timeout=30).stdout

    def title_row(self):
        """A row of pixels inside the title bar: a few below the first that is not all desktop."""
        data = self.picture()  # 800 by 600, three bytes each
        column = [data[y * 2400 + 1200:y * 2400 + 1203] for y in range(600)]
        return next(y for y in range(1, 600) if column[y] != column[0]) + 12

    def settle(self):
        """Until the picture is not empty and stays the same: the window has drawn itself."""
        last = [b'', 0]

        def calm():
            now = self.picture()
            last[1] = last[1] + 1 if now == last[0] and len(set(now[-480000:])) > 4 else 0
            last[0] = now
            return last[1] >= 3
        eventually('the window is drawn', calm, 120)

    def key(self, *keys):
        self.do('key', '--delay', '40', *keys)

    def type(self, text):
        self.do('type', '--delay', '20', text)

    def shot(self, name):
        self.settle()
        if SHOTS:
            subprocess.run(['import', '-window', 'root', '-trim', '+repage', '-strip', '+dither', '-colors', '64', f'png8:{SHOTS}/{name}.png'],
                           env=self.env, check=True)

    def close(self):
        self.p.kill()
        self.x.terminate()
        self.x.wait()


@contextlib.contextmanager
def dialog(files, program, title):
    m = Machine()
    try:
        for where, source in files.items():
            m.write(where, source if isinstance(source, bytes) else (FILES / source).read_bytes())
        screen = Screen(m, program, title)
        try:
            yield m, screen
        finally:
            screen.close()
    finally:
        m.close()


def test_version_one_by_keyboard():  # S-76, S-77, S-80
    with dialog({V1 + 'Config\\LaunchConfig.json': 'v1/files/Config/LaunchConfig.json'}, 'Ec2LaunchSettings.exe',
                'EC2LaunchSettings') as (m, s):
        s.shot('v1')
        s.key('alt+c')  # Set computer name
        s.key('alt+s')  # Specify
        s.key('alt+p')  # into the password's line
        s.type('Correct-Horse-9')
        s.key('alt+a')  # Apply
        eventually('the file follows', lambda: json.loads(m.read(V1 + 'Config\\LaunchConfig.json')).get(
            'adminPassword') == 'Correct-Horse-9', 60)
        c = json.loads(m.read(V1 + 'Config\\LaunchConfig.json'))
        equal((c['setComputerName'], c['adminPasswordType'], c['setWallpaper']), (True, 'Specify', True), 'the settings')
        s.key('alt+t')  # Shutdown with Sysprep: asked
        s.shot('v1-confirm')
        s.key('Escape')
        s.key('Return')


def test_ec2_service_properties_by_keyboard():  # S-170, S-171, S-175
    with dialog({CONFIG + 'Settings\\Config.xml': 'ec2config/files/Settings/Config.xml',
                 CONFIG + 'Settings\\BundleConfig.xml': 'ec2config/files/Settings/BundleConfig.xml',
                 CONFIG + 'sysprep2008.xml': 'ec2config/files/sysprep2008.xml'}, 'Ec2ConfigServiceSettings.exe',
                'Ec2 Service Properties') as (m, s):
        s.shot('ec2config-general')
        s.key('alt+c')  # Set computer name
        s.key('alt+f')  # Wallpaper Information
        s.key('ctrl+Next', 'ctrl+Next')  # to the Image tab
        s.shot('ec2config-image')
        s.key('alt+k')  # Keep Existing
        s.key('alt+a')
        eventually('the scramble command is gone', lambda: 'ScramblePassword' not in m.read(CONFIG + 'sysprep2008.xml'), 60)
        eventually('the plug-in follows', lambda: re.search(r'Ec2SetComputerName</Name>\s*<State>Enabled',
                                                            m.read(CONFIG + 'Settings\\Config.xml')), 60)
        eventually('each logon draws the wallpaper', lambda: list(m.path('C:\\').rglob('Ec2WallpaperInfo.lnk')), 60)
        s.key('Escape')


def test_version_two_by_keyboard():  # S-61, S-62
    with dialog({V2: b'version: 1.1\nconfig:\n  - stage: postReady\n    tasks:\n      - task: startSsm\n'},
                'EC2LaunchSettingsUI.exe', 'Amazon EC2Launch settings') as (m, s):
        s.shot('v2-general')
        s.key('alt+e')  # Extend Boot Volume
        s.key('ctrl+Next')
        s.key('alt+s')  # Add DNS suffixes
        s.key('Tab')
        s.type('corp.example')
        s.shot('v2-dns')
        s.key('ctrl+Next')
        s.shot('v2-wallpaper')
        s.key('ctrl+Next')
        s.shot('v2-volumes')
        s.key('Tab', 'Tab')
        s.key('ctrl+Prior', 'ctrl+Prior', 'ctrl+Prior', 'Return')  # OK
        eventually('the file follows', lambda: 'corp.example' in m.read(V2) and 'extendRootPartition' in m.read(V2), 60)
        true('startSsm' in m.read(V2), 'the other task stays')


stories(*[f for n, f in list(globals().items()) if n.startswith('test_') and (len(sys.argv) < 2 or sys.argv[1] in n)])
