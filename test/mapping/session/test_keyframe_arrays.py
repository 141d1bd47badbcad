from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import SessionError
from vggt_ros.mapping.session.checked_arrays import CheckedArrays
from vggt_ros.mapping.session.keyframe_arrays import arrays_of_keyframes, keyframes_of_arrays


def back(keyframes, change=lambda arrays: None):
    arrays, names = arrays_of_keyframes(keyframes)
    change(arrays)
    return keyframes_of_arrays(CheckedArrays('keyframes', arrays), names)


def test_keyframes_of_several_cameras_come_back_with_their_frames(session):
    first, second = session.keyframes[:2]
    other = replace(first.frame, camera=1, camera_frame='rear', K=np.diag([70.0, 70.0, 1.0]))
    found = back([replace(first, frame=other), second])
    assert [each.frame.camera_frame for each in found] == ['rear', 'camera_optical']
    assert found[0].frame.K[0, 0] == 70.0
    assert found[1].frame.K is None
    assert found[0].features is None
    assert len(found[1].features) == len(second.features)


def test_images_can_be_decoded_again(session):
    (found,) = back(session.keyframes[:1])
    np.testing.assert_array_equal(found.decoded().image, session.keyframes[0].decoded().image)


def test_no_keyframes_are_keyframes():
    assert back(()) == ()


def test_features_without_points_for_each_are_refused(session):
    def change(arrays):
        arrays['features.uv'] = arrays['features.uv'][:-1]
        arrays['features.uv.ends'][-1] -= 1

    with pytest.raises(SessionError, match='not of one number'):
        back(session.keyframes[:2], change)
