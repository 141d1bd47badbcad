import importlib.util
from pathlib import Path
import re

import pytest

TOOLS = Path(__file__).parents[4] / 'tools' / 'no_ros'
FOLDER = TOOLS / 'ros_wheels'


@pytest.fixture
def builder():
    specification = importlib.util.spec_from_file_location('builder', FOLDER / 'build_wheel.py')
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def pins(path):
    return dict(re.findall(r'^([\w-]+)==(\S+)', path.read_text(), re.M))


@pytest.mark.parametrize('distro', ['kilted', 'jazzy'])
def test_it_is_built_with_the_versions_that_it_runs_with(builder, distro):
    running = pins(TOOLS / 'environment' / f'constraints-{distro}.txt')
    # All messages of common_interfaces have one version.
    building = pins(builder.requirements_for(running['ros-common-interfaces']))
    shared = set(building) & set(running)
    assert shared
    assert {name: building[name] for name in shared} == {name: running[name] for name in shared}


def test_wheels_that_nobody_tried_are_refused_by_version(builder):
    with pytest.raises(builder.UnknownWheelsError, match=r'9\.9\.9 .*built for 5\.3\.6, 5\.5\.1'):
        builder.requirements_for('9.9.9')
