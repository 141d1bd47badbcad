"""The wheel that pip makes of this repository, used without the repository and without ROS."""

from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """
import sys
sys.path.insert(0, {site!r})
import vggt_ros
assert vggt_ros.__file__.startswith({site!r}), vggt_ros.__file__
from vggt_ros import Mapper, ModelSettings, Predictor, VggtConfig
predictor = Predictor.load(ModelSettings(checkpoint='nano', device='cpu'))
mapper = Mapper(predictor, VggtConfig(), offline=True)
print(mapper.snapshot().state, predictor.description.num_parameters)
assert 'rclpy' not in sys.modules
"""


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """A folder with what the wheel installs and nothing else."""
    source, made = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('site')
    for name in ('vggt_ros', 'resource', 'launch', 'config'):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__', '*.egg-info')
        )
    for path in ROOT.iterdir():
        if path.is_file() and path.name != '.git':
            shutil.copy(path, source)
    pip = [sys.executable, '-m', 'pip', '-q', '--disable-pip-version-check']
    wheels = source / 'dist'
    offline = ['--no-deps', '--no-index', '--no-build-isolation']
    subprocess.run([*pip, 'wheel', *offline, '-w', str(wheels), str(source)], check=True)
    (wheel,) = wheels.glob('vggt_ros-*.whl')
    subprocess.run(
        [*pip, 'install', '--no-deps', '--no-index', '--target', str(made), str(wheel)],
        check=True,
    )
    return made


def test_the_core_runs_from_the_wheel(site, tmp_path):
    done = subprocess.run(
        [sys.executable, '-I', '-c', PROGRAM.format(site=str(site))],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    state, num_parameters = done.stdout.split()
    assert state == 'waiting'
    assert int(num_parameters) > 1e6


def test_the_wheel_has_all_that_a_ros_workspace_looks_for(site):
    assert Path(sysconfig.get_paths()['purelib']) != site
    share = site / 'share' / 'vggt_ros'
    assert (share / 'package.xml').exists()
    assert (share / 'launch' / 'vggt.launch.py').exists()
    assert (share / 'config' / 'vggt.yaml').exists()
    assert (site / 'vggt_ros' / 'py.typed').exists()
