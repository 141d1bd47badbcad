from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.evaluation.recording import Recording


def test_a_recording_survives_the_file_unchanged(recording, tmp_path):
    recording.save(tmp_path / 'r.npz')
    loaded = Recording.load(tmp_path / 'r.npz')
    np.testing.assert_array_equal(loaded.stamps_ns, recording.stamps_ns)
    np.testing.assert_array_equal(loaded.map_from_cam, recording.map_from_cam)
    np.testing.assert_array_equal(loaded.map_points, recording.map_points)
    np.testing.assert_array_equal(loaded.map_colors, recording.map_colors)
    assert loaded.diagnostics == recording.diagnostics
    assert loaded.message_counts == recording.message_counts
    assert len(loaded.frames) == len(recording.frames)
    for after, before in zip(loaded.frames, recording.frames, strict=True):
        assert after.stamp_ns == before.stamp_ns
        np.testing.assert_array_equal(after.depth, before.depth)
        np.testing.assert_array_equal(after.image, before.image)
        np.testing.assert_array_equal(after.K, before.K)


def test_loading_never_unpickles(tmp_path):
    np.savez(tmp_path / 'evil.npz', text=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match='allow_pickle'):
        Recording.load(tmp_path / 'evil.npz')


def test_images_without_a_pose_are_missed(recording):
    assert recording.share_with_pose == 1.0
    longer = replace(recording, input_stamps_ns=np.arange(24, dtype=np.int64))
    assert longer.share_with_pose == 0.25
    nothing = np.zeros(0, np.int64)
    empty = replace(
        recording,
        stamps_ns=nothing,
        map_from_cam=recording.map_from_cam[:0],
        input_stamps_ns=nothing,
    )
    assert empty.share_with_pose == 0.0


def test_of_a_camera_without_calibration_the_images_that_arrived_are_counted(recording):
    no_stamps = np.zeros(0, np.int64)
    number = len(recording.stamps_ns)
    uncalibrated = replace(
        recording, input_stamps_ns=no_stamps, diagnostics={'frames_in': str(2 * number)}
    )
    assert uncalibrated.share_with_pose == 0.5
