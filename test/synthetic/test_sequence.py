import numpy as np
import pytest

from vggt_ros.synthetic.sequence import SyntheticSequence


@pytest.fixture(scope='module')
def sequence() -> SyntheticSequence:
    return SyntheticSequence(seed=3, num_frames=60, width=120, height=90)


@pytest.fixture(scope='module')
def frames(sequence):
    return sequence.render([0, 2])


def unprojected(sequence: SyntheticSequence, depth: np.ndarray, index: int) -> np.ndarray:
    height, width = depth.shape
    v, u = np.mgrid[:height, :width].astype(float)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(sequence.K).T
    pose = sequence.world_from_cam(index)
    return (rays * depth[..., None]) @ pose[:3, :3].T + pose[:3, 3]


def seen_by(sequence: SyntheticSequence, points: np.ndarray, index: int):
    cam_from_world = np.linalg.inv(sequence.world_from_cam(index))
    in_cam = points @ cam_from_world[:3, :3].T + cam_from_world[:3, 3]
    image = in_cam @ sequence.K.T
    return image[..., :2] / image[..., 2:], in_cam[..., 2]


def test_two_views_agree_on_depth_and_color_where_both_see(sequence, frames):
    points = unprojected(sequence, frames.depth[0], 0)
    uv, depth = seen_by(sequence, points, 2)
    u, v = np.round(uv).astype(int).transpose(2, 0, 1)
    inside = (u >= 0) & (u < 120) & (v >= 0) & (v < 90) & (depth > 0)
    assert inside.mean() > 0.6
    found = frames.depth[1][v[inside], u[inside]]
    agree = np.abs(found - depth[inside]) < 0.03 * depth[inside]
    assert agree.mean() > 0.9  # the rest is hidden or at an edge
    difference = frames.rgb[1][v[inside], u[inside]][agree].astype(float)
    difference -= frames.rgb[0][inside][agree]
    assert np.abs(difference).mean() < 12


def test_the_same_seed_gives_the_same_frames(sequence, frames):
    again = SyntheticSequence(seed=3, num_frames=60, width=120, height=90).render([0, 2])
    np.testing.assert_array_equal(again.rgb, frames.rgb)
    np.testing.assert_array_equal(again.depth, frames.depth)


def test_another_seed_gives_another_room(frames):
    other = SyntheticSequence(seed=4, num_frames=60, width=120, height=90).render([0])
    assert np.abs(other.depth[0] - frames.depth[0]).mean() > 0.1


def test_frames_do_not_depend_on_what_is_rendered_beside_them(sequence, frames):
    alone = sequence.render([2])
    np.testing.assert_allclose(alone.depth[0], frames.depth[1], rtol=1e-5)


def test_depth_for_other_intrinsics_is_the_same_surface(sequence, frames):
    half = sequence.depth(0, np.diag([0.5, 0.5, 1.0]) @ sequence.K, 45, 60)
    np.testing.assert_allclose(half, frames.depth[0][::2, ::2], rtol=1e-4)


def test_poses_are_rigid_and_level(sequence):
    for index in range(len(sequence)):
        rotation = sequence.world_from_cam(index)[:3, :3]
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)
        assert rotation[2, 0] == pytest.approx(0)  # the image's x axis stays horizontal
        assert rotation[2, 1] < -0.9  # and its y axis points down


def test_tracks_stay_on_the_surface_they_started_on(sequence):
    uv = np.array([[30.0, 20], [60, 45], [90, 70]])
    tracks = sequence.tracks([0, 2], 0, uv)
    np.testing.assert_allclose(tracks.positions[0].numpy(), uv, atol=1e-3)
    points = unprojected(sequence, sequence.render([0]).depth[0], 0)
    expected, _ = seen_by(sequence, points[[20, 45, 70], [30, 60, 90]], 2)
    np.testing.assert_allclose(tracks.positions[1].numpy(), expected, atol=0.02)
    assert tracks.is_visible[0].all()
