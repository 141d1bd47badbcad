import math

from hypothesis import given
from hypothesis import strategies as st
import pytest
import torch

from vggt_ros.model.pose_encoding import (
    activate_pose_encoding,
    decode_pose_encoding,
    encode_pose_encoding,
    quat_from_rotation,
    rotation_from_quat,
)

_component = st.floats(-1, 1, width=32)


@given(st.tuples(_component, _component, _component, _component))
def test_any_quaternion_gives_a_rotation_and_comes_back_with_positive_w(components):
    quat_xyzw = torch.tensor(components, dtype=torch.float64)
    if quat_xyzw.norm() < 1e-3:
        return
    rotation = rotation_from_quat(quat_xyzw)
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3, dtype=torch.float64))
    assert torch.linalg.det(rotation) > 0
    back = quat_from_rotation(rotation)
    assert back[3] >= 0
    unit = quat_xyzw / quat_xyzw.norm()
    distance = min((back - unit).abs().max(), (back + unit).abs().max())
    assert distance < 1e-7


def test_quaternion_is_scalar_last():
    half = math.radians(45)
    about_z = torch.tensor([0.0, 0.0, math.sin(half), math.cos(half)])
    expected = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    torch.testing.assert_close(rotation_from_quat(about_z), expected, rtol=0, atol=1e-6)


def test_zero_quaternion_is_no_rotation():
    assert torch.equal(rotation_from_quat(torch.zeros(4)), torch.eye(3))


def test_field_of_view_is_vertical_first():
    pose_enc = torch.tensor([0.0, 0, 0, 0, 0, 0, 1, math.radians(90), math.radians(60)])
    _, K = decode_pose_encoding(pose_enc, (100, 200))
    expected = [[100 / math.tan(math.radians(30)), 0, 100], [0, 50, 50], [0, 0, 1]]
    torch.testing.assert_close(K, torch.tensor(expected, dtype=torch.float32))


def test_encoding_undoes_decoding():
    generator = torch.Generator().manual_seed(3)
    pose_enc = torch.rand(5, 9, generator=generator) + 0.2
    pose_enc[:, 3:7] /= pose_enc[:, 3:7].norm(dim=-1, keepdim=True)
    cam_from_world, K = decode_pose_encoding(pose_enc, (70, 98))
    torch.testing.assert_close(encode_pose_encoding(cam_from_world, K, (70, 98)), pose_enc)


@pytest.mark.parametrize('field_of_view', [0.0, math.pi, 7.0])
def test_impossible_fields_of_view_give_a_finite_positive_focal_length(field_of_view):
    pose_enc = torch.tensor([0.0, 0, 0, 0, 0, 0, 1, field_of_view, field_of_view])
    _, K = decode_pose_encoding(pose_enc, (100, 100))
    assert torch.isfinite(K).all()
    assert K[0, 0] > 0
    assert K[1, 1] > 0


def test_only_fields_of_view_are_rectified():
    raw = -torch.arange(1.0, 10.0)
    assert activate_pose_encoding(raw).tolist() == [*raw[:7].tolist(), 0, 0]
