import numpy as np
import pytest

from vggt_ros.synthetic.course import make_course, REPEATED_CORRIDOR
from vggt_ros.synthetic.mistaken_place import mistaken_m, seeming_poses


@pytest.fixture(scope='module')
def course():
    return make_course(REPEATED_CORRIDOR, 500, 0)


def test_where_nothing_looks_alike_nothing_is_mistaken():
    plain = make_course('figure_eight', 200, 0)
    ids = [0, 1, 150, 151]
    assert not mistaken_m(plain, ids).any()
    np.testing.assert_array_equal(seeming_poses(plain, ids), plain.world_from_cam[ids])


def test_frames_that_follow_each_other_are_where_they_are(course):
    border = int(np.flatnonzero(course.alias_shift[:, 0] > 0)[0])
    assert not mistaken_m(course, range(border - 4, border + 4)).any()


def test_a_corridor_that_looks_like_the_first_one_is_taken_for_it(course):
    late = int(np.flatnonzero(course.alias_shift[:, 0] > 0)[60])
    ids = [10, 11, late, late + 1]
    before = course.world_from_cam[ids].copy()
    poses = seeming_poses(course, ids)
    np.testing.assert_array_equal(poses[:2], before[:2])
    np.testing.assert_allclose(
        before[2:, :3, 3] - poses[2:, :3, 3], course.alias_shift[ids[2:]], atol=1e-12
    )
    np.testing.assert_array_equal(course.world_from_cam[ids], before)  # the truth stays
    # The other way round it is the first corridor that is mistaken.
    there = mistaken_m(course, [late, 10])
    np.testing.assert_allclose(there[1], -course.alias_shift[late])
