import numpy as np
import pytest

from vggt_ros.mapping.refinement.depth_confidence import swept_confidence


def confidence(agreeing, score, support):
    image = np.ones((1, 1))
    found = swept_confidence(
        (agreeing * image).astype(np.int64),
        (score * image).astype(np.float32),
        (support * image).astype(np.float32),
    )
    assert found.dtype == np.float32
    return found.item()


def test_nothing_that_speaks_for_a_depth_is_the_least_confidence():
    assert confidence(0, 0, 0) == 1
    assert confidence(0, -0.7, 0) == 1


@pytest.mark.parametrize('better', [(3, 0.4, 0.2), (2, 0.5, 0.2), (2, 0.4, 0.3)])
def test_every_kind_of_evidence_raises_the_confidence(better):
    assert confidence(*better) > confidence(2, 0.4, 0.2)
