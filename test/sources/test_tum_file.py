import numpy as np
import pytest

from vggt_ros.errors import AlignmentError, SourceError
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.sources.tum_file import match_stamps, read_tum


def test_what_the_package_writes_is_read_back_to_the_nanosecond(tmp_path):
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[:, :3, 3] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    poses[1, :3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    stamps_ns = np.array([1_700_000_000_123_456_789, 1_700_000_000_123_456_790, 2**61])
    path = tmp_path / 'trajectory.txt'
    path.write_text(StampedPoses(stamps_ns=stamps_ns, map_from_cam=poses).tum())
    found = read_tum(path)
    np.testing.assert_array_equal(found.stamps_ns, stamps_ns)
    np.testing.assert_allclose(found.world_from_cam, poses, atol=1e-6)


def test_comments_commas_empty_lines_and_any_order_are_fine(tmp_path):
    path = tmp_path / 'truth.txt'
    path.write_text(
        '# stamp tx ty tz qx qy qz qw\n\n'
        '2.5 0 0 1 0 0 0.70710678 0.70710678  # later\n'
        '1.25, 1, 0, 0, 0, 0, 0, 1\n'
    )
    found = read_tum(path)
    assert found.stamps_ns.tolist() == [1_250_000_000, 2_500_000_000]
    np.testing.assert_allclose(found.world_from_cam[:, :3, 3], [[1, 0, 0], [0, 0, 1]])
    assert np.degrees(rotation_angle(found.world_from_cam[1, :3, :3])) == pytest.approx(90)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('# nothing\n', 'has no poses'),
        ('1 0 0 0 0 0 1\n', 'line 1 has 7 numbers'),
        ('1 0 0 0 0 0 0 1\n2 x 0 0 0 0 0 1\n', 'line 2 is not a pose'),
        ('nan 0 0 0 0 0 0 1\n', 'line 1 is not a pose'),
        ('1 0 0 0 0 0 0 2\n', 'its length is 2'),
        ('1 0 0 inf 0 0 0 1\n', 'must be finite'),
        ('1 0 0 0 0 0 0 1\n1.0 0 0 0 0 0 0 1\n', 'two poses with the stamp 1000000000 ns'),
    ],
)
def test_what_is_no_trajectory_is_refused_by_line(tmp_path, text, message):
    path = tmp_path / 'bad.txt'
    path.write_text(text)
    with pytest.raises(SourceError, match=message):
        read_tum(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r'missing\.txt cannot be read'):
        read_tum(tmp_path / 'missing.txt')


def ns(*stamps):
    return np.array(stamps, dtype=np.int64)


def test_stamps_are_matched_with_the_nearest_one_and_only_once():
    first, second = match_stamps(ns(0, 100, 104, 200, 999), ns(1, 103, 190, 300), 15)
    # 104 is nearer to 103 than 100 is, and nothing is near 999.
    assert first.tolist() == [0, 2, 3]
    assert second.tolist() == [0, 1, 2]


def test_a_single_stamp_can_be_matched():
    first, second = match_stamps(ns(5, 10), ns(9), 2)
    assert (first.tolist(), second.tolist()) == ([1], [0])


def test_trajectories_of_other_times_do_not_match():
    with pytest.raises(AlignmentError, match=r'no two stamps are within 0\.02 s'):
        match_stamps(ns(0, 10), ns(10**12), 20_000_000)
