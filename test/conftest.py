from jaxtyping import install_import_hook
import numpy as np
import pytest

# Check every jaxtyping annotation at run time while the tests run.
install_import_hook(['vggt_ros', 'training'], 'beartype.beartype')


@pytest.fixture
def rng():
    return np.random.default_rng(7)
