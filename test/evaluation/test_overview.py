from dataclasses import replace

import cv2
import numpy as np

from vggt_ros.evaluation.overview import draw_overview


def drawn(recording, path) -> np.ndarray:
    draw_overview(recording, path, title='a run')
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def test_a_single_frame_and_an_empty_map_can_be_drawn(recording, tmp_path):
    small = replace(
        recording,
        frames=recording.frames[:1],
        stamps_ns=recording.stamps_ns[:1],
        map_from_cam=recording.map_from_cam[:1],
        map_points=recording.map_points[:0],
        map_colors=recording.map_colors[:0],
        map_confidence=recording.map_confidence[:0],
    )
    assert drawn(small, tmp_path / 'a.png').std() > 5


def test_depth_without_a_valid_pixel_can_be_drawn(recording, tmp_path):
    blind = replace(recording.frames[0], depth=np.full_like(recording.frames[0].depth, np.nan))
    assert drawn(replace(recording, frames=(blind,)), tmp_path / 'b.png').std() > 5


def test_the_map_is_drawn_in_its_own_colors(recording, tmp_path):
    colors = np.zeros_like(recording.map_colors)
    colors[:, 1] = 255
    low = recording.map_points.copy()
    low[:, 2] = -5  # below the cameras, so that nothing is cut off
    recording = replace(recording, map_colors=colors, map_points=low)
    picture = drawn(recording, tmp_path / 'c.png')
    blue, green, red = picture[:, picture.shape[1] // 2 :].reshape(-1, 3).astype(int).T
    assert (green - np.maximum(blue, red) > 100).sum() > 20
