import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.refinement.anchor import anchor
from vggt_ros.mapping.refinement.feature_store import FeatureStore
from vggt_ros.mapping.refinement.landmarks import Landmarks
from vggt_ros.mapping.registration.placement import OverlapReference
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_start import window_start
from vggt_ros.synthetic.simulated_predictor import NONE

INDICES = (0, 2, 4, 6)


@pytest.fixture(scope='module')
def said(hall):
    """What a network without errors says of a window of which the map has two frames."""
    window = hall.window(*INDICES, num_overlap=2)
    return window, hall.predict(window, NONE, seed=3)


@pytest.fixture(scope='module')
def store(hall):
    store = FeatureStore(300, 10)
    store.window([hall.frame(index) for index in INDICES], np.zeros((4, 3, 3)))
    return store


def in_map_of(submap, scale=2.0):
    """A map in other units, and elsewhere."""
    rotation = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    place = Sim3(scale, rotation, np.array([3.0, -1.0, 0.5]))
    return place, submap.moved(place)


def last_of(in_map, ids, anchors=()):
    return OverlapReference(
        submap_id=0,
        in_map=in_map.select(ids),
        inconsistency=np.zeros(len(ids)),
        map_from_first=in_map.ref_from_cam[0],
        map_from_odom=None,
        unit=1.0,
        landmarks=Landmarks(of_frame={}),
        anchors=anchors,
    )


def test_without_a_map_all_is_as_the_network_says(said, store):
    window, prediction = said
    submap = submap_from_prediction(window, prediction)
    start = window_start(window, submap, None, store)
    assert start.known is submap
    assert start.unit == 1.0
    assert start.in_map is start.landmarks is None
    assert start.num_anchors == 0
    assert start.frame_ids == list(INDICES)
    priors = start.priors(store.window(window.frames, np.zeros((4, 3, 3))).tracks, ())
    assert priors.depth is None
    assert not priors.poses


def test_what_the_network_says_is_brought_to_the_map(said, store):
    window, prediction = said
    submap = submap_from_prediction(window, prediction)
    place, in_map = in_map_of(submap)
    start = window_start(window, submap, last_of(in_map, (0, 2)), store)
    assert start.unit == pytest.approx(place.scale, rel=1e-3)
    np.testing.assert_allclose(
        start.known.ref_from_cam, in_map.ref_from_cam, atol=1e-2 * place.scale
    )


def test_anchors_come_first_and_the_oldest_cameras_are_held(hall, said, store):
    window, prediction = said
    submap = submap_from_prediction(window, prediction)
    _, in_map = in_map_of(submap)
    poses = in_map.ref_from_cam
    anchors = (anchor(hall.frame(4), poses[2]), anchor(hall.frame(30), poses[2]))
    start = window_start(window, submap, last_of(in_map, (0, 2), anchors), store)
    # The store does not know the features of frame 30.
    assert start.frame_ids == [4, *INDICES]
    frames = [hall.frame(index) for index in start.frame_ids]
    tracks = store.window(frames, np.zeros((5, 3, 3))).tracks
    priors = start.priors(tracks, ())
    assert [each.row for each in priors.poses] == [0, 1, 2]
    sigma = [each.translation_sigma for each in priors.poses]
    assert sigma[0] == sigma[1] < 0.01 * sigma[2]
    np.testing.assert_array_equal(priors.poses[1].window_from_cam, poses[0])


def test_tracks_are_as_far_away_as_the_network_sees_them(hall, said, store):
    window, prediction = said
    submap = submap_from_prediction(window, prediction)
    place, in_map = in_map_of(submap)
    start = window_start(window, submap, last_of(in_map, (0, 2)), store)
    seen = store.window(window.frames, np.zeros((4, 3, 3)))
    estimate = start.estimate(seen.tracks, prediction.grid)
    is_seen = seen.tracks.is_seen & np.isfinite(estimate.track_depth)
    assert is_seen.sum() > 100
    np.testing.assert_array_equal(np.isfinite(estimate.track_depth) <= seen.tracks.is_seen, True)
    # One point, seen by two cameras, is at one place.
    track = np.flatnonzero(is_seen[:, :2].all(axis=1))
    places = []
    for row in (0, 1):
        uv = np.concatenate([seen.tracks.uv[track, row], np.ones((len(track), 1))], axis=1)
        rays = uv @ np.linalg.inv(hall.course.K_image).T
        in_cam = rays * estimate.track_depth[track, row, None]
        places.append(se3.transform(estimate.window_from_cam[row], in_cam))
    away = np.linalg.norm(places[0] - places[1], axis=1)
    assert np.median(away) < 0.03 * place.scale * np.median(prediction.depth)
