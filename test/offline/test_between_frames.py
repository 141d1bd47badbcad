from dataclasses import replace
import threading

import numpy as np
import pytest

from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.offline import between_frames
from vggt_ros.offline.between_frames import BetweenFrames
from vggt_ros.offline.map_history import MapHistory


@pytest.fixture(autouse=True)
def no_thread_is_left(monkeypatch):
    """Threads of one test would work on in the next."""
    made, init = [], BetweenFrames.__init__

    def noted(self, history):
        init(self, history)
        made.append(self)

    monkeypatch.setattr(BetweenFrames, '__init__', noted)
    yield
    for each in made:
        each.close()


@pytest.fixture
def parts(walk, source_of):
    """Frames of the walk, by number, and what the map would say of keyframes."""
    from vggt_ros.mapping.layers.map_update import FrameResult

    source = source_of(walk)

    def frame(index):
        each = source.frame(index)
        return Frame(
            id=index, stamp_ns=each.stamp_ns, camera_frame='c', image=each.image, K=each.K
        )

    def key(index):
        pose = walk.world_from_cam[index]
        depth = walk.world.depth(pose, walk.K, walk.width, walk.height)
        return FrameResult(
            frame=frame(index),
            image=np.zeros((*depth.shape, 3), np.uint8),
            depth=depth,
            confidence=np.ones_like(depth),
            points_in_cam=np.zeros((*depth.shape, 3), np.float32),
            keep=np.ones(depth.shape, bool),
            K=walk.K,
            K_image=walk.K_image,
            map_from_cam=pose,
            covariance=np.eye(6),
        )

    return frame, key


def stamps(count):
    return [1_700_000_000_123_456_789 + 50_000_000 * i for i in range(count)]


def test_a_frame_waits_for_the_keyframe_after_it(parts, walk):
    frame, key = parts
    history = MapHistory()
    between = BetweenFrames(history)
    poses = {0: walk.world_from_cam[0]}
    between.add_keyframe(key(0), 1)
    between.add(frame(3))
    between.work(poses, history.add([0], poses, 1.0))
    assert between.num_waiting == 1
    poses[6] = walk.world_from_cam[6]
    between.add_keyframe(key(6), 1)
    between.work(poses, history.add([0, 6], poses, 1.0))
    assert between.num_waiting == 0
    found = between.poses(stamps(8), poses)
    assert found.kind == ('keyframe', *['interpolated'] * 2, 'refined', *['interpolated'] * 2,
                          'keyframe', 'none')  # fmt: skip
    assert np.linalg.norm(found.map_from_cam[3, :3, 3] - walk.world_from_cam[3, :3, 3]) < 0.01


def test_a_refined_pose_moves_and_grows_with_its_keyframes(parts, walk):
    frame, key = parts
    history = MapHistory()
    between = BetweenFrames(history)
    poses = {i: walk.world_from_cam[i] for i in (0, 6)}
    for i in (0, 6):
        between.add_keyframe(key(i), 1)
    between.add(frame(3))
    between.work(poses, history.add([0, 6], poses, 1.0))
    before = between.poses(stamps(7), poses).map_from_cam[3]
    moved = {i: pose.copy() for i, pose in poses.items()}
    for pose in moved.values():
        pose[:3, 3] = 3.0 * pose[:3, 3] + (1.0, 2.0, 3.0)
    after = between.poses(stamps(7), moved).map_from_cam[3]
    np.testing.assert_allclose(after[:3, 3], 3.0 * before[:3, 3] + (1.0, 2.0, 3.0), atol=1e-6)


def test_points_that_wait_grow_with_the_map(parts, walk):
    frame, key = parts
    history = MapHistory()
    between = BetweenFrames(history)
    for i in (0, 6):
        between.add_keyframe(key(i), 1)
    between.scale(2.0)
    grown = {i: walk.world_from_cam[i].copy() for i in (0, 6)}
    for pose in grown.values():
        pose[:3, 3] *= 2.0
    between.add(frame(3))
    between.work(grown, history.add([0, 6], grown, 2.0))
    found = between.poses(stamps(7), grown)
    assert found.kind[3] == 'refined'
    assert np.linalg.norm(found.map_from_cam[3, :3, 3] - 2 * walk.world_from_cam[3, :3, 3]) < 0.02


def test_between_two_parts_of_the_map_nothing_is_interpolated(parts, walk):
    _, key = parts
    between = BetweenFrames(MapHistory())
    between.add_keyframe(key(0), 1)
    between.add_keyframe(key(6), 2)
    poses = {i: walk.world_from_cam[i] for i in (0, 6)}
    assert between.poses(stamps(7), poses).kind[1:6] == ('none',) * 5


def test_frames_outside_of_the_keyframes_have_a_pose_only_if_it_is_refined(parts, walk):
    frame, key = parts
    history = MapHistory()
    between = BetweenFrames(history)
    between.add_keyframe(key(3), 1)
    poses = {3: walk.world_from_cam[3]}
    for i in (1, 5):
        between.add(frame(i))
    between.work(poses, history.add([3], poses, 1.0), to_the_end=True)
    found = between.poses(stamps(7), poses)
    assert found.kind == ('none', 'refined', 'none', 'keyframe', 'none', 'refined', 'none')
    assert np.linalg.norm(found.map_from_cam[5, :3, 3] - walk.world_from_cam[5, :3, 3]) < 0.02


def test_a_camera_that_stands_for_long_does_not_fill_the_memory(parts, walk, monkeypatch):
    monkeypatch.setattr(between_frames, 'MAX_WAITING', 4)
    frame, key = parts
    history = MapHistory()
    between = BetweenFrames(history)
    poses = {0: walk.world_from_cam[0]}
    between.add_keyframe(key(0), 1)
    window = history.add([0], poses, 1.0)
    still = frame(1)
    for i in range(1, 12):
        between.add(replace(still, id=i))
        if between.is_full:
            between.work(poses, window)
        assert between.num_waiting < 4
    between.work(poses, window, to_the_end=True)
    assert between.poses(stamps(12), poses).kind[1:] == ('refined',) * 11


def test_before_there_is_a_map_the_oldest_frames_are_let_go(parts, monkeypatch):
    monkeypatch.setattr(between_frames, 'MAX_WAITING', 4)
    frame, _ = parts
    between = BetweenFrames(MapHistory())
    still = frame(1)
    for i in range(9):
        between.add(replace(still, id=i))
        if between.is_full:
            between.work({}, -1)
    assert between.num_waiting <= 4
    between.work({}, -1, to_the_end=True)
    assert between.num_waiting == 0


def test_keyframes_that_are_long_past_are_let_go(parts, walk):
    _, key = parts
    between = BetweenFrames(MapHistory())
    result = key(0)
    for i in range(60):
        between.add_keyframe(replace(result, frame=replace(result.frame, id=i)), 1)
    between.forget()
    assert list(between._keyframes) == [58, 59]


def test_features_of_keyframes_are_only_looked_for_beside_other_frames(parts, walk, monkeypatch):
    frame, key = parts
    history = MapHistory()
    between = BetweenFrames(history)
    poses = {i: walk.world_from_cam[i] for i in (0, 6, 12)}
    seen = []
    found = between_frames.detect_features

    def counted(image, *given):
        seen.append(image.shape)
        return found(image, *given)

    monkeypatch.setattr(between_frames, 'detect_features', counted)
    for i in poses:
        between.add_keyframe(key(i), 1)
    window = history.add(list(poses), poses, 1.0)
    between.work(poses, window)
    assert not seen
    between.add(frame(8))
    between.work(poses, window)
    assert len(seen) == 3, 'the frame, and the keyframes before and after it'


def test_the_thread_ends_when_it_is_closed(parts):
    frame, _ = parts
    between = BetweenFrames(MapHistory())
    for i in range(8):
        between.add(frame(i))
    thread = next(each for each in threading.enumerate() if each.name.startswith('features'))
    between.close()
    assert not thread.is_alive()
    assert between.num_waiting == 0
    between.close()
