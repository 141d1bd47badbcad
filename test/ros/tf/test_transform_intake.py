import math
from types import SimpleNamespace

import numpy as np
import pytest

from vggt_ros.ros.tf.transform_intake import TransformIntake

TURN = np.array([0.0, 0.0, math.sin(0.2), math.cos(0.2)])


@pytest.fixture
def said():
    return []


@pytest.fixture
def intake(clock, said):
    return TransformIntake(said.append, clock=clock)


def transform(quat_xyzw, translation=(1.0, 2.0, 3.0), parent='odom', child='base_link'):
    return SimpleNamespace(
        header=SimpleNamespace(frame_id=parent),
        child_frame_id=child,
        transform=SimpleNamespace(
            translation=SimpleNamespace(**dict(zip('xyz', translation, strict=True))),
            rotation=SimpleNamespace(**dict(zip('xyzw', map(float, quat_xyzw), strict=True))),
        ),
    )


def rotation(message):
    q = message.transform.rotation
    return np.array([q.x, q.y, q.z, q.w])


@pytest.mark.parametrize('length', [1.005, 1.3, 0.5, 7.0])
def test_a_rotation_that_is_not_of_unit_length_is_normalized_with_a_warning(intake, said, length):
    message = transform(length * TURN)
    assert intake.mend(message, is_static=False)
    np.testing.assert_allclose(rotation(message), TURN, atol=1e-12)
    assert len(said) == 1
    assert said[0].startswith('odom -> base_link: ')
    assert f'length {length:g}' in said[0]
    assert intake.problems() == said, 'as long as it is sent'
    assert intake.mend(transform(TURN), is_static=False)
    assert intake.problems() == []


def test_a_rotation_of_unit_length_is_left_alone(intake, said):
    message = transform(TURN * (1 + 1e-7))
    assert intake.mend(message, is_static=False)
    np.testing.assert_allclose(rotation(message), TURN, atol=1e-12)
    assert said == []


@pytest.mark.parametrize(
    ('quat_xyzw', 'translation', 'word'),
    [
        ([0, 0, 0, 0], (0, 0, 0), 'length 0'),
        ([0, 0, math.nan, 1], (0, 0, 0), 'rotation is .* not finite'),
        ([0, 0, math.inf, 1], (0, 0, 0), 'rotation is .* not finite'),
        (TURN, (0, math.nan, 0), 'translation is .* not finite'),
        (TURN, (0, 0, -math.inf), 'translation is .* not finite'),
        (TURN, (1e300, 0, 0), r'translation is \(1e\+300, 0, 0\), longer than the 2e\+07 m'),
        (TURN, (0, -1e155, 1e155), 'longer than the'),
        (TURN, (1.9e7, 1.9e7, 0), 'longer than the'),
        ([1e200, 0, 0, 1e200], (1e300, 0, 0), 'longer than the'),
    ],
)
def test_what_is_no_rotation_is_refused_by_name(intake, said, clock, quat_xyzw, translation, word):
    for _ in range(5):
        assert not intake.mend(transform(quat_xyzw, translation), is_static=False)
    (line,) = intake.problems()
    assert line.startswith('odom -> base_link: ')
    with pytest.raises(AssertionError, match=word):
        raise AssertionError(line)
    assert len(said) == 1, 'once'
    clock.now_s += 5.1
    assert intake.problems() == [], 'it is not sent any more'


def test_a_refused_transform_that_is_mended_is_no_problem_any_more(intake):
    intake.mend(transform([0, 0, 0, 0]), is_static=False)
    assert intake.mend(transform(TURN), is_static=False)
    assert intake.problems() == []


def test_what_a_map_of_the_earth_needs_is_taken(intake, said):
    assert intake.mend(transform(TURN, (5e5, 1e7, 100.0)), is_static=False)
    assert intake.mend(transform(TURN, (6.4e6, 6.4e6, 6.4e6)), is_static=True)
    assert said == []


def test_what_others_refuse_is_told_in_the_same_way(intake, said, clock):
    intake.refuse(('base_link', 'camera'), 'its translation is (2000, 0, 0)')
    assert intake.problems() == said
    assert said[0].startswith('base_link -> camera: its translation is (2000, 0, 0); it is not')
    clock.now_s += 5.1
    assert intake.problems() == []


def test_a_static_one_stays_refused(intake, clock):
    intake.mend(transform([0, 0, 0, 0]), is_static=True)
    clock.now_s += 1000.0
    assert len(intake.problems()) == 1


def test_a_leading_slash_goes_as_in_tf2(intake, said):
    message = transform(TURN, parent='/odom', child='/base_link')
    assert intake.mend(message, is_static=False)
    assert (message.header.frame_id, message.child_frame_id) == ('odom', 'base_link')
    assert said == []


def test_what_is_remembered_has_a_bound(intake):
    for number in range(1000):
        intake.mend(transform([0, 0, 0, 0], child=f'frame_{number}'), is_static=True)
    assert len(intake.problems()) == 100
    assert 'frame_999' in intake.problems()[-1]
