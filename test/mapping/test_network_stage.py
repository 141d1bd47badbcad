from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import VggtRosError
from vggt_ros.inference.backbone import Capabilities
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.synthetic.simulated_predictor import Errors, SimulatedPredictor


def window_of(make_frame, first, num_overlap, count=6):
    frames = tuple(make_frame(first + k) for k in range(count))
    return Window.of_frames(frames, num_overlap, 0)


@pytest.mark.parametrize('can', [True, False])
def test_what_a_network_cannot_do_is_not_asked_of_it(predictor, make_config, make_frame, can):
    predictor.capabilities = Capabilities(follows_points=can, encodes_on_arrival=can)
    mapper = Mapper(predictor, make_config(), offline=True)
    for index in range(9):
        mapper.add_frame(make_frame(index))
        window = mapper.wait_for_window(0.0)
        if window is not None:
            mapper.process(window, Wanted(tracks=True))
    assert predictor.encoded == ([0, 1, 2, 3, 4, 6, 7] if can else [])
    asked = [request.query_points is not None for request in predictor.requests]
    assert asked == [can, can]


@pytest.fixture
def grainy(hall):
    """Windows of the hall in images so grainy that their features are hardly found again."""

    def make(*indices, num_overlap=0):
        window = hall.window(*indices, num_overlap=num_overlap)
        frames = []
        for frame in window.frames:
            rng = np.random.default_rng(frame.id)
            image = frame.image + 40.0 * rng.normal(size=frame.image.shape)
            frames.append(replace(frame, image=np.clip(image, 0, 255).astype(np.uint8)))
        return Window.of_frames(frames, num_overlap)

    return make


def confirmed(hall, grainy, make_config, tracks):
    """Return how many new frames of three windows the images confirm."""
    errors = Errors(outliers=0.0, failures=0.0, rotation_rad=0.03, translation=0.06)
    config = make_config(
        refine__mode='poses',
        refine__tracks=tracks,
        refine__max_features=200,
        model__device='cpu',
        window__size=5,
        window__overlap=2,
    )
    mapper = Mapper(SimulatedPredictor(hall.course, errors), config, offline=True)
    # The first answer tells what the network sees.
    mapper.predict(grainy(0, 2), Wanted(tracks=False))
    number = 0
    for frame in grainy(*range(0, 21, 2)).frames:
        mapper.add_frame(frame)
        window = mapper.wait_for_window(0.0)
        if window is None:
            continue
        try:
            number += len(mapper.process(window, Wanted(tracks=False)).new_frames)
        except VggtRosError:
            break
    return number


def test_where_features_are_not_found_again_tracks_of_the_network_confirm_more(
    hall, grainy, make_config
):
    by_features, by_both = (
        confirmed(hall, grainy, make_config, tracks) for tracks in ('features', 'both')
    )
    assert by_both == 11
    assert by_features < by_both


@pytest.mark.parametrize('is_published', [True, False])
def test_features_that_are_followed_are_no_published_tracks(
    predictor, make_config, make_frame, is_published
):
    answers = []
    for tracks in ('features', 'both'):
        asked = type(predictor)()
        mapper = Mapper(asked, make_config(refine__mode='poses', refine__tracks=tracks))
        predicted = [
            mapper.predict(window_of(make_frame, first, 3), Wanted(tracks=is_published))
            for first in (0, 3)
        ]
        answers.append((asked, predicted))
    (_, alone), (asked, both) = answers
    assert [each.followed for each in alone] == [None, None]
    # The first answer tells what the network sees.
    assert both[0].followed is None
    count = len(both[1].followed.feature)
    assert count > 20
    for one, other in zip(alone, both, strict=True):
        if not is_published:
            assert one.answer.tracks is other.answer.tracks is one.queries is None
            continue
        np.testing.assert_array_equal(one.queries.ids, other.queries.ids)
        for name in ('positions', 'visibility', 'confidence'):
            np.testing.assert_array_equal(
                getattr(one.answer.tracks, name), getattr(other.answer.tracks, name)
            )
    num_published = len(alone[1].queries.ids) if is_published else 0
    assert len(asked.requests[1].query_points) == num_published + count
