from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.prediction import Request
from vggt_ros.offline.cached_predictor import CachedPredictor
from vggt_ros.settings.config import CloudSettings


@pytest.fixture
def asked(walk, source_of, backbone_of, tmp_path):
    """Ask for two frames through a cache; returns the answer and the network that was behind."""
    images = [source_of(walk).frame(i).image for i in (0, 4)]

    def ask(request=None, *, shown=images, ids=(0, 4), network='a'):
        behind = backbone_of(walk)
        cached = CachedPredictor(behind, tmp_path / 'cache', network)
        answer = cached.predict(shown, request or Request(), frame_ids=ids)
        assert cached.num_asked + cached.num_known == 1
        assert cached.num_asked == len(behind.asked)
        return answer, cached.num_known == 1

    ask.images = images
    return ask


def test_the_same_is_not_asked_twice_and_answered_the_same(asked):
    first, was_known = asked()
    assert not was_known
    second, was_known = asked()
    assert was_known
    np.testing.assert_array_equal(first.depth, second.depth)
    np.testing.assert_array_equal(first.depth_conf, second.depth_conf)


@pytest.mark.parametrize(
    'change',
    [
        {'network': 'b'},
        {'ids': (0, 5)},
        {'request': Request(depth_frames=(1,))},
        {'request': Request(point_head=True)},
        {'request': Request(filter=CloudSettings(edge_rtol=0.1))},
        {'request': Request(query_points=np.zeros((1, 2), np.float32))},
    ],
    ids=str,
)
def test_anything_else_is_asked(asked, change):
    asked()
    assert not asked(**change)[1]
    assert asked(**change)[1]
    assert asked()[1]


def test_an_image_that_changed_is_asked(asked):
    asked()
    other = [asked.images[0], asked.images[1].copy()]
    other[1][0, 0] ^= 1
    assert not asked(shown=other)[1]


def test_it_is_a_predictor_that_leaves_single_images_alone(walk, backbone_of, tmp_path):
    behind = backbone_of(walk)
    cached = CachedPredictor(behind, tmp_path, '')
    assert isinstance(cached, Predicts)
    cached.encode(0, np.zeros((4, 4, 3), np.uint8))
    assert cached.capabilities == replace(behind.capabilities, encodes_on_arrival=False)
