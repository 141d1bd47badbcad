import cv2
import numpy as np
import pytest

from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction, Tracks
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.track_registry import frame_tracks, Queries, TrackRegistry
from vggt_ros.settings.config import TrackSettings

WIDTH, HEIGHT = 160, 120
SETTINGS = TrackSettings(num_points=40)
K = np.array([[50.0, 0, 40], [0, 50, 30], [0, 0, 1]])


@pytest.fixture(scope='module')
def texture():
    noise = np.random.default_rng(0).normal(size=(HEIGHT, WIDTH, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


@pytest.fixture
def frames(texture):
    return tuple(
        Frame(id=i, stamp_ns=i + 1, camera_frame='camera', image=texture) for i in range(4)
    )


@pytest.fixture
def record(frames):
    """Let the book see the points of `queries` where they were, `shift` pixels further on."""

    def recorded(book, queries, *, shift=0.0, visibility=None, offset_v=0, model_height=60):
        count = len(queries.ids)
        grid = ImageGrid(
            image_width=WIDTH,
            image_height=HEIGHT,
            model_width=80,
            model_height=model_height,
            scale_u=0.5,
            scale_v=0.5,
            offset_u=0,
            offset_v=offset_v,
        )
        uv = grid.model_from_image(queries.uv_image.astype(float)) + np.array([shift, 0.0])
        seen = np.ones(count, np.float32) if visibility is None else visibility
        shape = (4, model_height, 80)
        book.record(
            Window.of_frames(frames),
            queries,
            Prediction(
                grid=grid,
                images=np.zeros((*shape, 3), np.uint8),
                depth=np.ones(shape, np.float32),
                depth_conf=np.ones(shape, np.float32),
                keep=np.ones(shape, bool),
                cam_from_world=np.stack([np.eye(4)] * 4),
                K_model=np.stack([np.eye(3)] * 4),
                K_image=np.stack([np.eye(3)] * 4),
                tracks=Tracks(
                    positions=np.stack([uv] * 4).astype(np.float32),
                    visibility=np.stack([seen] * 4),
                    confidence=np.ones((4, count), np.float32),
                ),
            ),
        )

    return recorded


def closest(uv):
    distances = np.linalg.norm(uv[:, None] - uv[None], axis=2)
    return (distances + 1e9 * np.eye(len(uv))).min()


def test_the_first_points_are_corners_spread_over_the_image(frames):
    queries = TrackRegistry().queries(frames[0], SETTINGS)
    assert len(queries.ids) > 25
    assert len(set(queries.ids.tolist())) == len(queries.ids)
    assert closest(queries.uv_image) > 10
    quadrants = {(u > WIDTH / 2, v > HEIGHT / 2) for u, v in queries.uv_image}
    assert len(quadrants) == 4


def test_points_that_are_still_seen_keep_their_ids_and_places(frames, record):
    book = TrackRegistry()
    first = book.queries(frames[0], SETTINGS)
    record(book, first, shift=3.0)
    second = book.queries(frames[2], SETTINGS)
    stays = first.uv_image[:, 0] + 6 < WIDTH - 1
    count = int(stays.sum())
    assert second.ids[:count].tolist() == first.ids[stays].tolist()
    np.testing.assert_allclose(second.uv_image[:count], first.uv_image[stays] + (6, 0), atol=1e-3)


def test_hidden_points_are_replaced_by_new_ones_with_new_ids(frames, record):
    book = TrackRegistry()
    first = book.queries(frames[0], SETTINGS)
    visibility = np.ones(len(first.ids), np.float32)
    visibility[::2] = 0.3
    record(book, first, visibility=visibility)
    second = book.queries(frames[1], SETTINGS)
    kept = first.ids[1::2].tolist()
    assert second.ids[: len(kept)].tolist() == kept
    new = set(second.ids[len(kept) :].tolist())
    assert new
    assert not new & set(first.ids.tolist())


def test_new_points_keep_away_from_known_ones(frames, record):
    book = TrackRegistry()
    first = book.queries(frames[0], SETTINGS)
    record(book, first, shift=2.0)
    assert closest(book.queries(frames[1], SETTINGS).uv_image) > 9


def test_a_frame_the_last_window_did_not_have_starts_with_new_points(frames, record, texture):
    book = TrackRegistry()
    first = book.queries(frames[0], SETTINGS)
    record(book, first)
    other = Frame(id=99, stamp_ns=99, camera_frame='camera', image=texture)
    assert not set(book.queries(other, SETTINGS).ids.tolist()) & set(first.ids.tolist())


def test_there_are_never_more_points_than_asked_for(frames, record):
    book = TrackRegistry()
    record(book, book.queries(frames[0], SETTINGS))
    assert len(book.queries(frames[1], TrackSettings(num_points=5)).ids) == 5


def test_new_points_are_looked_for_where_the_network_looks(frames, record):
    book = TrackRegistry()
    nothing = Queries(ids=np.zeros(0, np.uint32), uv_image=np.zeros((0, 2), np.float32))
    record(book, nothing, offset_v=-10, model_height=40)
    v = book.queries(frames[0], SETTINGS).uv_image[:, 1]
    assert v.min() >= 19
    assert v.max() <= 100


def test_a_blank_image_has_no_points():
    blank = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    frame = Frame(id=0, stamp_ns=1, camera_frame='camera', image=blank)
    assert TrackRegistry().queries(frame, SETTINGS) is None


def test_a_cleared_book_forgets_points_but_does_not_use_ids_again(frames, record):
    book = TrackRegistry()
    first = book.queries(frames[0], SETTINGS)
    record(book, first)
    book.clear()
    assert not set(book.queries(frames[0], SETTINGS).ids.tolist()) & set(first.ids.tolist())


def test_corners_of_a_large_image_are_in_its_own_pixels(texture):
    large = cv2.resize(texture, (8 * WIDTH, 8 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    frame = Frame(id=0, stamp_ns=1, camera_frame='camera', image=large)
    uv = TrackRegistry().queries(frame, SETTINGS).uv_image
    assert uv[:, 0].max() > 6 * WIDTH
    assert (uv < (8 * WIDTH, 8 * HEIGHT)).all()


def test_a_track_has_the_point_under_its_pixel_or_none():
    depth = np.full((60, 80), 2.0, np.float32)
    depth[30, 50] = np.nan
    uv = np.array([[40, 30], [64.7, 30], [50.2, 30.3], [-0.6, 5], [79.4, 59.4], [1e9, 0]])
    uv = np.concatenate([uv, [[np.nan, 1]]]).astype(np.float32)
    tracks = Tracks(
        positions=uv[None],
        visibility=np.linspace(0, 1, 7, dtype=np.float32)[None],
        confidence=np.ones((1, 7), np.float32),
    )
    queries = Queries(ids=np.arange(7, dtype=np.uint32), uv_image=np.zeros((7, 2), np.float32))
    points = frame_tracks(queries, tracks, 0, depth, K).points_in_cam
    np.testing.assert_allclose(points[0], (0, 0, 2))
    np.testing.assert_allclose(points[1], (24.7 / 25, 0, 2), rtol=1e-5)
    assert np.isnan(points[:, 2]).tolist() == [False, False, True, True, False, True, True]


def test_ids_start_over_after_the_largest():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (12, 16, 3), np.uint8).repeat(10, 0).repeat(10, 1)
    frame = Frame(id=0, stamp_ns=1, camera_frame='camera', image=image)
    book = TrackRegistry()
    book._next_id = 2**32 - 2
    assert book.queries(frame, SETTINGS).ids[:4].tolist() == [2**32 - 2, 2**32 - 1, 0, 1]
