import importlib.util
from pathlib import Path
import sys

import pytest

FOLDER = Path(__file__).parents[4] / 'tools' / 'no_ros' / 'environment'


@pytest.fixture
def load_program(monkeypatch):
    """Load a file of the environment, which is no package: they run before anything is there."""

    def load(name):
        monkeypatch.syspath_prepend(str(FOLDER))
        for neighbor in FOLDER.glob('*.py'):  # each test gets modules of its own
            monkeypatch.delitem(sys.modules, neighbor.stem, raising=False)
        specification = importlib.util.spec_from_file_location(f'under_test_{name}', FOLDER / name)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module

    yield load
    for neighbor in FOLDER.glob('*.py'):
        sys.modules.pop(neighbor.stem, None)
