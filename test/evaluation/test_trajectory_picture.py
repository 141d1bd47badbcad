import cv2
import numpy as np

from vggt_ros.evaluation.trajectory_picture import draw_trajectories


def test_the_picture_shows_the_way(tmp_path):
    angle = np.linspace(0, 5, 60)
    truth = np.stack([np.cos(angle), 0.01 * angle, np.sin(angle)], axis=1)
    path = tmp_path / 'trajectory.png'
    draw_trajectories(truth, {'sim3': truth + 0.05}, angle, path, title='a way')
    near = cv2.imread(str(path))
    assert near.std() > 10
    draw_trajectories(truth, {'sim3': truth + 0.2}, angle, path, title='a way')
    assert (cv2.imread(str(path)) != near).any()
