"""The README's recipe for a ROS 2 distribution, as it stands, up to the node's first message.

What stands in for the machine it was written for: a `setup.bash` that shows the packages of the
environment the tests run in, as that of a distribution does; `sudo` and `rosdep`, which have
nothing to install; `ros2 run`, where ros2cli is not installed. pip is cut off from its index: all
that the recipe asks for has to be what the package is tested with.
"""

import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time

from diagnostic_msgs.msg import DiagnosticArray
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
COPIED = ('vggt_ros', 'resource', 'launch', 'config', 'tools')
BUILD_S, START_S = 120.0, 60.0

SETUP = """
export PYTHONPATH="{packages}:${{PYTHONPATH:-}}"
export AMENT_PREFIX_PATH="${{AMENT_PREFIX_PATH:-{prefix}}}"
"""
# Where the program looks: the prefix of the package in the index, lib/PACKAGE/EXECUTABLE below it.
ROS2 = """#!/bin/bash
[ "$1" = run ] || exit 2
find='import sys; from ament_index_python import get_package_prefix as p; print(p(sys.argv[1]))'
exec "$(python3 -c "$find" "$2")/lib/$2/$3" "${@:4}"
"""


def recipe():
    """Return the lines of the first shell block below `## Install`."""
    section = (ROOT / 'README.md').read_text().split('\n## Install\n')[1].split('\n## ')[0]
    return re.search(r'```bash\n(.*?)```', section, re.DOTALL).group(1).splitlines()


class Workspace:
    """A workspace in which the recipe is followed."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / 'log.txt'
        self._programs = folder / 'programs'
        self._setup = folder / 'setup.bash'
        self._process = None
        self._copy_sources()
        self._make_stand_ins()

    def start(self):
        """Follow the recipe to its last line, which goes on."""
        text = '\n'.join(recipe())
        text, count = re.subn(r'/opt/ros/\w+/setup\.bash', str(self._setup), text)
        assert count == 1, 'the recipe sources no distribution'
        with self.log.open('w') as log:
            self._process = subprocess.Popen(
                ['bash', '-ec', text],
                cwd=self.folder,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, line):
        """Run one more line as in another terminal; return what it says."""
        sourced = f'source {self._setup}; source install/setup.bash; {line}'
        done = subprocess.run(
            ['bash', '-ec', sourced],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=START_S,
        )
        return done.stdout + done.stderr

    def wait_for(self, text, timeout_s):
        deadline = time.monotonic() + timeout_s
        while text not in self.log.read_text():
            assert self._process.poll() is None, f'the recipe ended:\n{self.log.read_text()}'
            assert time.monotonic() < deadline, f'{text!r} did not come:\n{self.log.read_text()}'
            time.sleep(0.1)

    def end(self):
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
            self._process.wait(15.0)

    def _copy_sources(self):
        source = self.folder / 'src' / 'vggt_ros'
        ignored = shutil.ignore_patterns('__pycache__', '*.egg-info')
        for name in COPIED:
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        for path in ROOT.iterdir():
            if path.is_file() and path.name != '.git':
                shutil.copy(path, source)

    def _make_stand_ins(self):
        packages = sysconfig.get_path('purelib')
        self._setup.write_text(SETUP.format(packages=packages, prefix=sys.prefix))
        programs = {
            'python3': f'#!/bin/sh\nexec {sys.executable} "$@"\n',
            'sudo': '#!/bin/sh\n',
            'rosdep': '#!/bin/sh\n',
        }
        if shutil.which('ros2') is None:
            programs['ros2'] = ROS2
        self._programs.mkdir()
        for name, text in programs.items():
            (self._programs / name).write_text(text)
            (self._programs / name).chmod(0o755)

    def _environment(self):
        path = f'{self._programs}{os.pathsep}{os.environ["PATH"]}'
        quiet = {'PIP_NO_INDEX': '1', 'PYTHONDONTWRITEBYTECODE': '1', 'OMP_NUM_THREADS': '1'}
        return os.environ | quiet | {'PATH': path, 'ROS_LOG_DIR': str(self.folder / 'ros_log')}


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(tmp_path)
    yield made
    made.end()


def test_the_recipe_leads_to_a_node_that_speaks(workspace, probe):
    probe.listen(DiagnosticArray, '/diagnostics')
    workspace.start()
    workspace.wait_for('loaded nano', BUILD_S)
    heard = probe.heard['/diagnostics']
    assert probe.spin_until(lambda: heard, START_S), workspace.log.read_text()
    assert heard[0].status[0].name.startswith('vggt')
    installed = workspace.folder / 'install' / 'vggt_ros'
    assert f'reading weights from {installed}' in workspace.log.read_text()
    first_line = (installed / 'lib' / 'vggt_ros' / 'vggt_node').read_text().splitlines()[0]
    assert first_line == f'#!{workspace.folder}/.venv/bin/python'
    said = workspace.run('ros2 run vggt_ros vggt_ros doctor')
    assert '/vggt' in said, said


def test_the_recipe_installs_what_rosdep_has_no_key_for():
    (line,) = (line for line in recipe() if 'pip install' in line)
    named = set(re.findall(r"[\w']+", line.partition('install')[2])) - {"'setuptools", "80'"}
    setup = (ROOT / 'setup.py').read_text().partition('install_requires')[2].partition(']')[0]
    needed = {re.match(r'[\w-]+', each).group() for each in re.findall(r"'([^']+)'", setup)}
    keys = set(re.findall(r'<exec_depend>python3-([\w-]+)<', (ROOT / 'package.xml').read_text()))
    names = {'pillow': 'pil', 'opencv-python-headless': 'opencv'}
    without_key = {each for each in needed if names.get(each, each) not in keys}
    assert named == without_key - {'setuptools'}
    assert "'setuptools<80'" in line  # colcon-core's own limit
