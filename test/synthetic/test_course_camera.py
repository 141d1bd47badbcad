from dataclasses import replace

import numpy as np

from vggt_ros.synthetic.busy_course import busy_course
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.course_camera import CourseCamera
from vggt_ros.synthetic.moving_things import STATIC


def test_images_are_of_noise_unless_they_are_asked_for():
    course = make_course('stop_and_go', 60, 0)
    camera = CourseCamera(course)
    image = camera.image(3)
    assert image.shape == (24, 32, 3)
    assert abs(image.astype(float).mean() - 127.5) < 5
    seed = np.frombuffer(course.world_from_cam[3].tobytes(), np.uint32)
    expected = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(image, expected)  # numbers measured before rest on it


def test_images_show_what_there_is_to_see():
    course = make_course('stop_and_go', 60, 0).with_pictures(image_scale=2)
    image = CourseCamera(course).image(3)
    assert image.shape == (120, 160, 3)
    steps = np.abs(np.diff(image.astype(int), axis=1)).mean()
    assert steps < 0.5 * image.std(), 'neighbors are alike'


def test_a_robot_that_stands_still_sees_the_same_picture_again():
    for course in (
        make_course('stop_and_go', 60, 0),
        make_course('stop_and_go', 60, 0).with_pictures(image_scale=1),
    ):
        camera = CourseCamera(course)
        np.testing.assert_array_equal(camera.image(50), camera.image(55))
        assert (camera.image(10) != camera.image(12)).any()


def test_what_moves_is_painted_where_it_is_and_the_rest_as_without_it():
    course = make_course('figure_eight', 300, 0)
    busy = busy_course(course, 0)
    index = max(range(0, 300, 10), key=lambda i: (busy.moving_seen(i) != STATIC).mean())
    # Without the door, whose walls are new.
    busy = replace(busy, world=course.world).with_pictures(image_scale=1)
    with_people = CourseCamera(busy).image(index).astype(int)
    without = CourseCamera(course.with_pictures(image_scale=1)).image(index)
    is_moving = busy.moving_seen(index) != STATIC
    np.testing.assert_array_equal(with_people[~is_moving], without[~is_moving])
    assert np.abs(with_people - without)[is_moving].mean() > 5
