import numpy as np

from vggt_ros.mapping.layers.map_update import FrameTracks
from vggt_ros.ros.output.track_overlay import TrackOverlay

IMAGE = np.zeros((40, 60, 3), np.uint8)


def tracks(uv, visibility=None, ids=None):
    uv = np.array(uv, np.float32).reshape(-1, 2)
    number = len(uv)
    return FrameTracks(
        ids=np.arange(number, dtype=np.uint32) if ids is None else np.array(ids, np.uint32),
        uv=uv,
        points_in_cam=np.full((number, 3), np.nan, np.float32),
        visibility=np.array(visibility or [1.0] * number, np.float32),
        confidence=np.ones(number, np.float32),
    )


def test_a_point_is_drawn_where_it_is_and_the_image_is_left_alone():
    drawn = TrackOverlay(0.5).draw(IMAGE, tracks([[30.0, 10.0]]))
    assert drawn[10, 30].any()
    assert not drawn[30, 10].any()
    assert not IMAGE.any()


def test_a_point_leaves_a_trail():
    overlay = TrackOverlay(0.5)
    overlay.draw(IMAGE, tracks([[10.0, 20.0]]))
    drawn = overlay.draw(IMAGE, tracks([[50.0, 20.0]]))
    assert drawn[20, 30].any()


def test_a_hidden_point_is_not_drawn_and_its_trail_ends():
    overlay = TrackOverlay(0.5)
    overlay.draw(IMAGE, tracks([[10.0, 20.0]]))
    assert not overlay.draw(IMAGE, tracks([[30.0, 20.0]], [0.4])).any()
    drawn = overlay.draw(IMAGE, tracks([[50.0, 20.0]]))
    assert not drawn[20, 30].any()


def test_clear_forgets_the_trails():
    overlay = TrackOverlay(0.5)
    overlay.draw(IMAGE, tracks([[10.0, 20.0]]))
    overlay.clear()
    assert not overlay.draw(IMAGE, tracks([[50.0, 20.0]]))[20, 30].any()


def test_points_outside_and_not_finite_do_no_harm():
    drawn = TrackOverlay(0.0).draw(IMAGE, tracks([[-500.0, 7.0], [np.nan, 3.0], [1e3, 1e3]]))
    assert drawn.shape == IMAGE.shape


def test_different_ids_have_different_colors():
    drawn = TrackOverlay(0.5).draw(IMAGE, tracks([[10.0, 20.0], [50.0, 20.0]]))
    assert (drawn[20, 10] != drawn[20, 50]).any()
