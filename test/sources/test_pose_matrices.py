import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.pose_matrices import read_matrix, read_pose, read_pose_lines

POSE = '0 -1 0 1.5\n1 0 0 2.5\n0 0 1.001 3.5\n0 0 0 1\n'


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / 'pose.txt').write_text(text)
        return tmp_path / 'pose.txt'

    return write


def test_a_rotation_that_was_rounded_is_put_right(file):
    pose = read_pose(file(POSE))
    np.testing.assert_allclose(pose[:3, :3], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)
    np.testing.assert_array_equal(pose[:3, 3], [1.5, 2.5, 3.5])


@pytest.mark.parametrize('word', ['-inf', 'nan', 'inf'])
def test_numbers_that_are_not_finite_mean_an_unknown_pose(file, word):
    assert read_pose(file(POSE.replace('1.5', word))) is None


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('1 2 3', 'holds 3 numbers; give 4 lines of 4'),
        ('a b', 'no numbers'),
        (POSE.replace('1.001', '2'), 'off a rotation'),
    ],
)
def test_what_is_no_pose_is_refused_by_the_name_of_the_file(file, text, match):
    with pytest.raises(SourceError, match=rf'pose\.txt.*{match}'):
        read_pose(file(text))


def test_a_matrix_is_read_as_it_is(file):
    assert read_matrix(file(POSE))[2, 2] == 1.001


@pytest.mark.parametrize('columns', [12, 16])
def test_lines_are_read_row_by_row(file, columns):
    line = ' '.join(POSE.split()[:columns])
    poses = read_pose_lines(file(f'{line}\n{line}\n'), columns)
    assert poses.shape == (2, 4, 4)
    np.testing.assert_allclose(poses[1, :3, 3], [1.5, 2.5, 3.5])
    np.testing.assert_array_equal(poses[1, 3], [0, 0, 0, 1])


def test_a_line_that_is_no_rotation_is_named(file):
    line = ' '.join(POSE.split()[:12])
    with pytest.raises(SourceError, match=r'pose\.txt, line 2'):
        read_pose_lines(file(f'{line}\n{line.replace("1.001", "9")}\n'), 12)
