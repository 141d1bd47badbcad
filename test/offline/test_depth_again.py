from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.offline.depth_again import DepthAgain, FinalViews
from vggt_ros.offline.keyframe_store import KeyframeStore
from vggt_ros.settings.config import CloudSettings
from vggt_ros.synthetic.sequence import SyntheticSequence

SETTINGS = CloudSettings()
CPU = torch.device('cpu')


@dataclass
class Walk:
    """Frames of a walk through a made-up room, with the truth."""

    images: np.ndarray
    depth: np.ndarray
    K: np.ndarray
    world_from_cam: np.ndarray


@pytest.fixture(scope='module')
def hall():
    walk = SyntheticSequence(seed=5, num_frames=40, width=168, height=126)
    rows = list(range(5, 30, 5))
    views = walk.render(rows)
    poses = np.stack([walk.world_from_cam(i) for i in rows])
    return Walk(images=views.rgb, depth=views.depth, K=walk.K, world_from_cam=poses)


@pytest.fixture
def keyframes(hall, uniform_keyframe):
    """Keep the walk with a depth that is wrong by waves of some percent."""
    made = []

    def make(error):
        store = KeyframeStore()
        made.append(store)
        v, u = np.mgrid[: hall.depth.shape[1], : hall.depth.shape[2]] / hall.depth.shape[1]
        for row, depth in enumerate(hall.depth):
            waves = 1 + error * np.sin(7 * u + 2.3 * row) * np.cos(5 * v + row)
            store.add(
                replace(
                    uniform_keyframe(row, (0, 0, 1)),
                    image=hall.images[row],
                    depth=(depth * waves).astype(np.float32),
                    confidence=np.ones_like(depth),
                    points_in_cam=unproject_depth(depth, hall.K),
                    keep=np.ones(depth.shape, bool),
                    K=hall.K,
                    K_image=hall.K,
                )
            )
        return store

    yield make
    for store in made:
        store.close()


def views_of(hall, poses=None, growth=1.0):
    ids = range(len(hall.world_from_cam))
    poses = hall.world_from_cam if poses is None else poses
    return FinalViews(
        map_from_cam=dict(zip(ids, poses, strict=True)),
        growth=dict.fromkeys(ids, growth),
        focal_px=dict.fromkeys(ids, float(hall.K[0, 0])),
        neighbors={i: [j for j in ids if j != i] for i in ids},
    )


def errors(store, truth, growth=1.0, kept=False):
    found = []
    for row, true in enumerate(truth):
        measured = store.measured(row)
        off = np.abs(growth * measured.depth / true - 1)
        found.append(np.mean(off[measured.keep] if kept else off))
    return np.array(found)


def test_depth_comes_nearer_to_the_truth_and_keyframes_agree(hall, keyframes):
    store = keyframes(0.12)
    before = errors(store, hall.depth)
    report, used = DepthAgain(store, views_of(hall), SETTINGS, CPU).work()
    assert len(used) >= 4
    assert report.num_used == len(used) <= report.num_keyframes
    assert report.consistency_after > report.consistency_before + 0.2
    assert (errors(store, hall.depth) < 0.6 * before)[used].all()
    of_cloud = errors(store, hall.depth, kept=True)
    assert of_cloud[used].mean() < 0.9 * errors(store, hall.depth)[used].mean()
    assert 0.3 < np.mean([store.measured(i).keep.mean() for i in used]) < 0.9


def test_depth_is_kept_in_the_unit_in_which_it_came(hall, keyframes):
    store = keyframes(0.12)
    twice = hall.world_from_cam.copy()
    twice[:, :3, 3] *= 2.0
    _, used = DepthAgain(store, views_of(hall, twice, growth=2.0), SETTINGS, CPU).work()
    assert len(used) >= 4
    assert errors(store, hall.depth)[used].mean() < 0.03


def test_depth_is_kept_where_poses_are_wrong(hall, keyframes):
    store = keyframes(0.0)
    before = [store.measured(row).depth for row in range(5)]
    wrong = hall.world_from_cam.copy()
    wrong[1::2] = wrong[1::2] @ se3.rigid(np.eye(3), np.array([0.0, 0.25, 0.0]))
    report, used = DepthAgain(store, views_of(hall, wrong), SETTINGS, CPU).work()
    for row in set(range(5)) - set(used):
        np.testing.assert_array_equal(store.measured(row).depth, before[row])
    assert not report.consistency_after < report.consistency_before


def test_depth_that_is_right_stays_right(hall, keyframes):
    store = keyframes(0.0)
    DepthAgain(store, views_of(hall), SETTINGS, CPU).work()
    assert errors(store, hall.depth).mean() < 0.02


def test_a_keyframe_that_shares_nothing_with_others_is_left_as_it_is(hall, keyframes):
    store = keyframes(0.12)
    before = store.measured(2)
    views = views_of(hall)
    alone = replace(views, neighbors={**views.neighbors, 2: []})
    report, used = DepthAgain(store, alone, SETTINGS, CPU).work()
    assert 2 not in used
    assert report.num_keyframes >= 2
    np.testing.assert_array_equal(store.measured(2).depth, before.depth)
    np.testing.assert_array_equal(store.measured(2).keep, before.keep)


def test_without_keyframes_there_is_nothing_to_do(hall):
    store = KeyframeStore()
    nothing = FinalViews(map_from_cam={}, growth={}, focal_px={}, neighbors={})
    report, used = DepthAgain(store, nothing, SETTINGS, CPU).work()
    store.close()
    assert used == []
    assert report.num_keyframes == 0
    assert np.isnan(report.consistency_after)
