import importlib.util
from pathlib import Path
import sys

import pytest

FOLDER = Path(__file__).parents[2] / 'environment'


@pytest.fixture(scope='session')
def load_program():
    """Load a file of environment/, which is no package: its files run before anything is there."""

    def load(name):
        specification = importlib.util.spec_from_file_location(f'under_test_{name}', FOLDER / name)
        module = importlib.util.module_from_spec(specification)
        sys.path.insert(0, str(FOLDER))
        try:
            specification.loader.exec_module(module)
        finally:
            sys.path.remove(str(FOLDER))
        return module

    return load
