import numpy as np
import pytest

from vggt_ros.mapping.frontend.stream_check import StreamCheck, TimeJump

SECOND_NS = 1_000_000_000


@pytest.fixture
def check():
    return StreamCheck()


def refuse(check, frame):
    verdict = check.check(frame)
    if isinstance(verdict, TimeJump):
        return 'jump'
    return None if verdict is None else (verdict.reason, verdict.restarts)


def test_frames_in_order_are_taken(check, make_frame):
    assert [refuse(check, make_frame(i)) for i in range(3)] == [None] * 3


@pytest.mark.parametrize('stamp_ns', [0, -5])
def test_a_frame_without_a_stamp_is_refused(check, make_frame, stamp_ns):
    assert refuse(check, make_frame(0, stamp_ns=stamp_ns)) == ('stamp_zero', False)
    assert refuse(check, make_frame(1)) is None


@pytest.mark.parametrize('step_ns', [-1, -SECOND_NS])
def test_a_frame_out_of_order_is_refused_alone(check, make_frame, step_ns):
    now_ns = 50 * SECOND_NS
    assert refuse(check, make_frame(0, stamp_ns=now_ns)) is None
    assert refuse(check, make_frame(1, stamp_ns=now_ns + step_ns)) == ('stamp_backwards', False)
    assert refuse(check, make_frame(2, stamp_ns=now_ns)) == ('stamp_repeated', False)
    assert refuse(check, make_frame(3, stamp_ns=now_ns + 1)) is None


def test_a_step_back_of_more_than_a_second_is_a_jump_when_the_next_frame_goes_on_from_there(
    check, make_frame
):
    assert refuse(check, make_frame(0, stamp_ns=50 * SECOND_NS)) is None
    assert refuse(check, make_frame(1, stamp_ns=49 * SECOND_NS - 1)) == ('stamp_outlier', False)
    jump = check.check(make_frame(2, stamp_ns=49 * SECOND_NS))
    assert isinstance(jump, TimeJump)
    assert '50000000000 to 49000000000 ns' in jump.message
    assert refuse(check, make_frame(3, stamp_ns=49 * SECOND_NS + 1)) is None


@pytest.mark.parametrize('outlier_ns', [10**18, 1])
def test_one_stray_stamp_costs_one_frame(check, make_frame, outlier_ns):
    assert refuse(check, make_frame(20)) is None
    assert refuse(check, make_frame(21, stamp_ns=outlier_ns)) == ('stamp_outlier', False)
    assert [refuse(check, make_frame(i)) for i in range(22, 25)] == [None] * 3


def test_stamps_that_go_on_after_hours_are_taken(check, make_frame):
    assert refuse(check, make_frame(0)) is None
    late_ns = 10_000 * SECOND_NS
    assert refuse(check, make_frame(1, stamp_ns=late_ns)) == ('stamp_outlier', False)
    assert refuse(check, make_frame(2, stamp_ns=late_ns + 1)) is None


def test_after_a_restart_any_stamp_is_taken(check, make_frame):
    assert refuse(check, make_frame(0, stamp_ns=50 * SECOND_NS)) is None
    check.restart()
    assert refuse(check, make_frame(1, stamp_ns=SECOND_NS)) is None


def test_a_new_size_is_refused_once(check, make_frame):
    sizes = [(80, 60), (60, 80), (60, 80), (80, 60), (80, 60)]
    refusals = [refuse(check, make_frame(i, size=size)) for i, size in enumerate(sizes)]
    changed = ('size_changed', True)
    assert refusals == [None, changed, None, changed, None]


def test_an_image_without_pixels_is_refused_and_is_no_new_size(check, make_frame):
    empty = np.zeros((0, 80, 3), np.uint8)
    assert refuse(check, make_frame(0)) is None
    assert refuse(check, make_frame(1, image=empty)) == ('image_empty', False)
    assert refuse(check, make_frame(2)) is None


@pytest.mark.parametrize(
    ('row', 'column', 'value'),
    [(0, 0, np.nan), (0, 2, np.inf), (0, 0, 0.0), (1, 1, -5.0), (2, 2, np.nan)],
)
def test_intrinsics_that_are_none_are_refused(check, make_frame, true_K, row, column, value):
    K = true_K.copy()
    K[row, column] = value
    assert refuse(check, make_frame(0, K=K)) == ('bad_camera_info', False)
    assert refuse(check, make_frame(1, K=true_K)) is None


def test_messages_name_value_limit_and_remedy(check, make_frame):
    message = check.check(make_frame(0, stamp_ns=0)).message
    assert '0 ns' in message
    assert 'must be positive' in message
    assert 'header.stamp' in message
