from vggt_ros.mapping.frontend.frame_set import FrameSet


def test_a_set_is_known_by_its_first_frame(make_frame):
    frame_set = FrameSet(frames=(make_frame(4), make_frame(5, camera=1)))
    assert (frame_set.id, frame_set.stamp_ns) == (4, 500_000_000)
