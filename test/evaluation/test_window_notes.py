import numpy as np

from vggt_ros.evaluation.window_notes import NotingPredictor
from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.prediction import Request
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor


def test_the_answer_is_passed_on_and_its_cameras_are_noted():
    course = make_course('figure_eight', 20, 0)
    noting = NotingPredictor(SimulatedPredictor(course, seed=3))
    assert isinstance(noting, Predicts)
    images = [np.zeros((24, 32, 3), np.uint8)] * 4
    noting.encode(5, images[0])
    answer = noting.predict(images, Request(), frame_ids=[5, 6, 7, 8])
    same = SimulatedPredictor(course, seed=3).predict(images, Request(), frame_ids=[5, 6, 7, 8])
    np.testing.assert_array_equal(answer.depth, same.depth)
    (note,) = noting.notes
    assert note.frame_ids == (5, 6, 7, 8)
    assert note.predict_s > 0
    answer.cam_from_world[:] = 0.0  # what is done to the answer later changes no note
    np.testing.assert_array_equal(note.cam_from_world, same.cam_from_world)
    np.testing.assert_array_equal(note.K_image, same.K_image)
