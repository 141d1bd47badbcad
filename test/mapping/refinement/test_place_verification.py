from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_angle
from vggt_ros.mapping.refinement import place_verification
from vggt_ros.mapping.refinement.pair_verification import Refusal
from vggt_ros.mapping.refinement.place_verification import VerifiedPlace, verify_place


@pytest.fixture
def windows(point_scene, pose_at, drift):
    """Keyframes of a window in a drifted map, and of the place that it comes back to."""

    def make(scene=None, stored_scene=None, **noise):
        rng = np.random.default_rng(5)
        scene = point_scene.room(1) if scene is None else scene
        old = scene if stored_scene is None else stored_scene
        query = [
            scene.seen_from(pose_at(x, yaw_deg=5), rng, place_from_world=drift, **noise)
            for x in (0.1, 0.3, 0.5)
        ]
        return query, [old.seen_from(pose_at(x), rng, **noise) for x in (-0.2, 0.0, 0.2)]

    return make


def turned(view, degrees):
    """The same keyframe where a bent window has it."""
    turn = matrix_from_rotation_vector(np.radians(np.asarray(degrees, dtype=float)))
    return replace(view, place_from_cam=view.place_from_cam @ se3.rigid(turn, np.zeros(3)))


def test_a_window_that_comes_back_is_placed_where_it_was(windows, drift):
    found = verify_place(*windows())
    assert isinstance(found, VerifiedPlace)
    left = found.stored_from_query @ drift
    assert np.degrees(float(rotation_angle(left.rotation))) < 0.1
    assert np.linalg.norm(left.translation) < 0.01
    assert left.scale == pytest.approx(1.0, abs=0.01)
    assert found.num_pairs >= 3
    assert found.sigma_px < 3.0
    assert found.median_depth == pytest.approx(3.0 * drift.scale, rel=0.1)


def test_windows_of_two_places_are_two(windows, point_scene):
    assert verify_place(*windows(stored_scene=point_scene.room(2))) is Refusal.FEW_MATCHES


def test_one_pair_of_images_is_not_enough(windows):
    query, stored = windows()
    assert verify_place(query[-1:], stored[:1]) is Refusal.ONE_PAIR


def test_pairs_that_say_different_things_are_refused(windows):
    query, stored = windows()
    bent = [
        turned(stored[0], (0, 0, 0)),
        turned(stored[1], (0, 20, 0)),
        turned(stored[2], (20, 0, 0)),
    ]
    assert verify_place(query[-1:], bent) is Refusal.INCONSISTENT


def test_one_stored_image_at_a_wrong_pose_is_outvoted(windows, drift):
    query, stored = windows()
    found = verify_place(query[-1:], [turned(stored[0], (0, 15, 0)), *stored[1:]])
    assert isinstance(found, VerifiedPlace)
    assert np.degrees(float(rotation_angle((found.stored_from_query @ drift).rotation))) < 0.2


def test_one_stored_image_of_a_wrong_scale_is_outvoted(windows, drift):
    query, stored = windows()
    larger = replace(stored[0], features=stored[0].features.scaled(1.5))
    found = verify_place(query[-1:], [larger, *stored[1:]])
    assert isinstance(found, VerifiedPlace)
    assert (found.stored_from_query @ drift).scale == pytest.approx(1.0, abs=0.02)


def test_points_of_as_many_scales_as_images_are_refused(windows):
    query, stored = windows()
    mixed = [replace(v, features=v.features.scaled(2.0**k)) for k, v in enumerate(stored)]
    assert verify_place(query[-1:], mixed) is Refusal.INCONSISTENT


def test_noise_of_pixels_and_depths_moves_it_little(windows, drift):
    found = verify_place(*windows(noise_px=1.5, depth_noise=0.05, look_noise=0.03))
    assert isinstance(found, VerifiedPlace)
    left = found.stored_from_query @ drift
    assert np.degrees(float(rotation_angle(left.rotation))) < 0.5
    assert np.linalg.norm(left.translation) < 0.05


def test_pairs_of_few_inliers_do_not_support_each_other(windows, point_scene, monkeypatch):
    monkeypatch.setattr(place_verification, '_MIN_BEST_INLIERS', 400)
    assert verify_place(*windows()) is Refusal.FEW_INLIERS


def test_a_bent_window_is_less_certain(windows):
    query, stored = windows()
    straight = verify_place(query, stored)
    bent = verify_place(
        query, [turned(stored[0], (0, 1, 0)), stored[1], turned(stored[2], (1, 0, 0))]
    )
    assert isinstance(bent, VerifiedPlace)
    assert np.sqrt(bent.covariance[1, 1]) > 2 * np.sqrt(straight.covariance[1, 1])


def test_what_is_too_uncertain_is_refused(windows, monkeypatch):
    monkeypatch.setattr(place_verification, '_MAX_TRANSLATION_SIGMA', 1e-4)
    assert verify_place(*windows()) is Refusal.UNCERTAIN


def test_the_reason_is_that_of_the_pair_that_came_closest(windows, point_scene):
    query, stored = windows()
    scene, other = point_scene.room(1), point_scene.room(2)
    some = point_scene(scene.points[:40], scene.descriptors[:40])
    spoiled = [each.seen_from(stored[0].place_from_cam) for each in (other, some, other)]
    assert verify_place(query, spoiled[::2]) is Refusal.FEW_MATCHES
    assert verify_place(query, spoiled) is not Refusal.FEW_MATCHES


def test_covariances_hold_for_bent_windows(point_scene, pose_at):
    """Poses of all keyframes are off by a third of a degree and a centimeter."""
    normalized = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        scene = point_scene.room(1)

        def jittered(view, rng=rng):
            turn = matrix_from_rotation_vector(np.radians(0.3) * rng.normal(size=3))
            jitter = se3.rigid(turn, 0.01 * rng.normal(size=3))
            return replace(view, place_from_cam=view.place_from_cam @ jitter)

        query = [jittered(scene.seen_from(pose_at(x, yaw_deg=5), rng)) for x in (0.1, 0.3, 0.5)]
        stored = [jittered(scene.seen_from(pose_at(x), rng)) for x in (-0.2, 0.0, 0.2)]
        found = verify_place(query, stored)
        assert isinstance(found, VerifiedPlace)
        newest = query[-1].place_from_cam
        error = se3.inverse(newest) @ found.stored_from_query.apply_to_pose(newest)
        normalized.append(error[:3, 3] / np.sqrt(np.diag(found.covariance)[3:6]))
    rms = np.sqrt(np.mean(np.square(normalized)))
    assert 0.2 < rms < 2.0
