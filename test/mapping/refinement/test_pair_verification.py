from dataclasses import replace

import cv2
import numpy as np
import pytest

from vggt_ros.geometry.pinhole import unproject
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.mapping.refinement.features import detect_features
from vggt_ros.mapping.refinement.keyframe_features import pack_features
from vggt_ros.mapping.refinement.pair_verification import (
    KeyframeView,
    Refusal,
    VerifiedPair,
    verify_views,
)


def error_of(pair, drift):
    """What is left of the drift: rotation in degrees, translation, log of the scale."""
    left = pair.stored_from_query @ drift
    angle_deg = np.degrees(float(rotation_angle(left.rotation)))
    return angle_deg, np.linalg.norm(left.translation), abs(np.log(left.scale))


@pytest.mark.parametrize('yaw_deg', [0.0, 12.0])
def test_one_place_in_two_units_is_recognized(point_scene, pose_at, drift, yaw_deg):
    scene = point_scene.room(1)
    camera = pose_at(0.4, 0.1, 0.2, yaw_deg)
    query = scene.seen_from(camera, np.random.default_rng(1), place_from_world=drift)
    found = verify_views(query, scene.seen_from(pose_at()))
    assert isinstance(found, VerifiedPair)
    angle_deg, distance, log_scale = error_of(found, drift)
    assert angle_deg < 0.2
    assert distance < 0.02
    assert log_scale < 0.01
    assert found.num_inliers > 100


def test_a_camera_that_only_turned_is_recognized(point_scene, pose_at, drift):
    scene = point_scene.room(1)
    query = scene.seen_from(pose_at(yaw_deg=10), place_from_world=drift)
    found = verify_views(query, scene.seen_from(pose_at(), np.random.default_rng(1)))
    assert isinstance(found, VerifiedPair)
    assert error_of(found, drift)[0] < 0.2


def test_points_of_some_features_are_enough(point_scene, pose_at, drift):
    scene = point_scene.room(1)
    query = scene.seen_from(pose_at(0.3), known=0.5, place_from_world=drift)
    stored = scene.seen_from(pose_at(), np.random.default_rng(1), known=0.5)
    found = verify_views(query, stored)
    assert isinstance(found, VerifiedPair)
    assert error_of(found, drift)[1] < 0.03


def test_another_place_has_few_matches(point_scene, pose_at):
    query = point_scene.room(1).seen_from(pose_at())
    assert verify_views(query, point_scene.room(2).seen_from(pose_at())) is Refusal.FEW_MATCHES


def test_the_same_things_in_another_order_are_another_place(point_scene, pose_at, rng):
    scene = point_scene.room(1)
    shuffled = point_scene(rng.permutation(scene.points), scene.descriptors)
    found = verify_views(scene.seen_from(pose_at()), shuffled.seen_from(pose_at()))
    assert found in (Refusal.NO_POSE, Refusal.FEW_INLIERS)


def test_a_poster_that_hangs_in_two_places_does_not_make_them_one(point_scene, pose_at):
    poster = point_scene.room(3, count=120, center=(0.3, 0.2, 3.0), size=(0.7, 0.5, 0.0))
    query = (point_scene.room(1) + poster).seen_from(pose_at(0.1))
    stored = (point_scene.room(2) + poster.moved([0.8, -0.3, 0.0])).seen_from(pose_at())
    assert verify_views(query, stored) is Refusal.NOT_SPREAD


def test_what_should_be_seen_again_and_is_not_tells_places_apart(point_scene, pose_at):
    """Things that two places share, all over the image, among many more that they do not."""
    shared = point_scene.room(3, count=60)
    found = verify_views(
        (point_scene.room(1, count=900) + shared).seen_from(pose_at(0.1)),
        (point_scene.room(2, count=900) + shared).seen_from(pose_at()),
    )
    assert isinstance(found, Refusal)


def test_a_wall_of_one_repeated_pattern_is_no_place(point_scene, pose_at):
    """Tiles that all look alike: shifted by a tile, the wall is the same."""
    tile = point_scene.room(4, count=12, center=(0, 0, 3.0), size=(0.4, 0.4, 0.0))
    shifts = [(0.5 * i, 0.5 * j, 0.0) for i in range(-4, 5) for j in range(-3, 4)]
    wall = tile.moved(shifts[0])
    for shift in shifts[1:]:
        wall = wall + tile.moved(shift)
    rng = np.random.default_rng(1)
    found = verify_views(wall.seen_from(pose_at(0.5), rng), wall.seen_from(pose_at(), rng))
    assert isinstance(found, Refusal)


def view_of_image(image, depth=3.0):
    """A keyframe of a flat wall ahead, from its image alone."""
    features = detect_features(image, 800)
    K = np.array([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]])
    points = unproject(features.uv.astype(float), np.full(len(features), depth), K)
    packed = pack_features(features, points, K, image.shape[1::-1])
    return KeyframeView(features=packed, place_from_cam=np.eye(4))


def smooth(rng, height, width):
    noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


@pytest.mark.parametrize('shift', [0, 40, 80])
def test_wallpaper_is_no_place(rng, shift):
    paper = np.tile(smooth(rng, 80, 80), (6, 10, 1))
    query, stored = view_of_image(paper[:, :640]), view_of_image(paper[:, shift : 640 + shift])
    assert len(query.features) > 300
    assert verify_views(query, stored) is Refusal.FEW_MATCHES


def test_a_wall_that_is_painted_once_is_a_place(rng):
    wall = smooth(rng, 480, 740)
    query, stored = view_of_image(wall[:, :640]), view_of_image(wall[:, 100:])
    found = verify_views(query, stored)
    assert isinstance(found, VerifiedPair)
    moved = found.stored_from_query.translation
    np.testing.assert_allclose(moved, [-100 * 3.0 / 525.0, 0, 0], atol=0.02)


def with_strangers(point_scene, rng, num_same, num_strangers):
    """Two scenes of which some things are in the same place and others are not."""
    same = point_scene.room(1, count=num_same)
    others = point_scene.room(2, count=num_strangers)
    moved = point_scene(rng.permutation(others.points), others.descriptors)
    return same + others, same + moved


def test_few_inliers_are_too_few(point_scene, pose_at, rng):
    scenes = with_strangers(point_scene, rng, 20, 30)
    found = verify_views(*(scene.seen_from(pose_at()) for scene in scenes))
    assert found is Refusal.FEW_INLIERS


def test_inliers_among_many_matches_that_contradict_them_are_not_believed(
    point_scene, pose_at, rng
):
    scenes = with_strangers(point_scene, rng, 120, 320)
    found = verify_views(*(scene.seen_from(pose_at()) for scene in scenes))
    assert found is Refusal.SMALL_SHARE


def test_without_points_on_one_side_there_is_no_scale(point_scene, pose_at):
    scene = point_scene.room(1)
    query = scene.seen_from(pose_at(0.2), known=0.0)
    assert verify_views(query, scene.seen_from(pose_at())) is Refusal.NO_POSE


def test_points_of_every_scale_are_no_scale(point_scene, pose_at, monkeypatch):
    from vggt_ros.mapping.refinement import pair_verification

    monkeypatch.setattr(pair_verification, '_MAX_DEPTH_RATIO', 100.0)
    scene = point_scene.room(1)
    # Where there is no parallax, depth does not show in the image.
    query = scene.seen_from(pose_at(), depth_noise=0.5)
    found = verify_views(query, scene.seen_from(pose_at(), np.random.default_rng(1)))
    assert found is Refusal.NO_SCALE


def test_images_of_another_size_are_compared(point_scene, pose_at, drift):
    scene = point_scene.room(1)
    query = scene.seen_from(pose_at(0.3), place_from_world=drift)
    half = query.features
    small = replace(
        half, uv=half.uv / 2, K=np.diag([0.5, 0.5, 1.0]) @ half.K, image_size=(320, 240)
    )
    found = verify_views(
        replace(query, features=small), scene.seen_from(pose_at(), np.random.default_rng(1))
    )
    assert isinstance(found, VerifiedPair)
    assert error_of(found, drift)[1] < 0.03
