"""Decoding of a forward pass: tensors become a `Prediction`, or an error if they are unusable."""

from __future__ import annotations

import math

from jaxtyping import Bool, Float, Float32, UInt8
import numpy as np
import torch
from torch import Tensor

from vggt_ros.errors import PredictionError
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.pixel_filter import keep_mask
from vggt_ros.inference.prediction import Prediction, Request, Tracks
from vggt_ros.model.pose_encoding import (
    decode_pose_encoding,
    MAX_FIELD_OF_VIEW_RAD,
    MIN_FIELD_OF_VIEW_RAD,
)
from vggt_ros.model.vggt import Outputs

_MIN_QUAT_NORM = 1e-3


def prediction_from_outputs(
    outputs: Outputs,
    seen: UInt8[np.ndarray, 'S H W 3'],
    grid: ImageGrid,
    request: Request,
) -> Prediction:
    """Copy the outputs of one scene off their device and decode the cameras.

    Args:
        outputs: Of a network in evaluation mode, one scene; cameras and depth are there.
        seen: The images as the network saw them.
        grid: How their pixels map to the camera's.
        request: What was asked for; tracks are returned, if only an empty set of them, if there
            were queries.

    Raises:
        PredictionError: A number is not finite, or a camera has no focal length or no rotation.
    """
    cam_from_world, K_model = _decode_cameras(outputs['pose_enc'], grid)
    points_in_world = points_conf = None
    if 'world_points' in outputs:
        points_in_world = _of_all_frames(outputs['world_points'], 'points', seen, request)
        points_conf = _of_all_frames(
            outputs['world_points_conf'], 'point confidence', seen, request
        )
    return Prediction(
        grid=grid,
        images=seen,
        depth=_of_all_frames(outputs['depth'][..., 0], 'depth', seen, request),
        depth_conf=_of_all_frames(outputs['depth_conf'], 'depth confidence', seen, request),
        keep=_keep(outputs, cam_from_world, grid, request),
        cam_from_world=cam_from_world,
        K_model=K_model,
        K_image=grid.K_image_from_model(K_model),
        points_in_world=points_in_world,
        points_conf=points_conf,
        tracks=None if request.query_points is None else _tracks(outputs, len(seen)),
    )


def _keep(
    outputs: Outputs,
    cam_from_world: Float[np.ndarray, 'S 4 4'],
    grid: ImageGrid,
    request: Request,
) -> Bool[np.ndarray, 'S H W']:
    """Filter on the device and copy the answer; frames that were not asked for keep nothing."""
    depth, confidence = outputs['depth'][0, ..., 0], outputs['depth_conf'][0]
    frames = list(range(len(cam_from_world)))
    if request.depth_frames is not None:
        frames = list(request.depth_frames)
    if 'world_points' in outputs:
        points, confidence = outputs['world_points'][0], outputs['world_points_conf'][0]
        axis = torch.from_numpy(cam_from_world[frames, 2]).to(points)[:, None, None]
        depth = (points * axis[..., :3]).sum(dim=-1) + axis[..., 3]
    inside = torch.from_numpy(grid.inside()).to(depth.device)
    keep = keep_mask(depth.float(), confidence.float(), inside, request.filter).cpu().numpy()
    every = np.zeros((len(cam_from_world), *keep.shape[1:]), dtype=bool)
    every[frames] = keep
    return every


def _of_all_frames(
    output: Float[Tensor, '1 T ...'],
    what: str,
    seen: UInt8[np.ndarray, 'S H W 3'],
    request: Request,
) -> Float32[np.ndarray, 'S ...']:
    """Copy a dense output to the CPU; frames that were not asked for are NaN."""
    numbers = _numbers(output, what)
    if request.depth_frames is None:
        return numbers
    every = np.full((len(seen), *numbers.shape[1:]), np.nan, dtype=np.float32)
    every[list(request.depth_frames)] = numbers
    return every


def _numbers(output: Float[Tensor, '1 ...'], what: str) -> Float32[np.ndarray, '*_']:
    """Copy an output to the CPU, without the batch axis."""
    array = np.ascontiguousarray(output[0].float().cpu().numpy())
    if not np.isfinite(array).all():
        share = 100 * (1 - np.isfinite(array).mean())
        raise PredictionError(
            f'{share:.3g} % of the {what} is not finite; the images do not suit the network, or '
            f'model.precision is too low: try bf16 or fp32'
        )
    return array


def _decode_cameras(
    pose_enc: Float[Tensor, '1 S 9'], grid: ImageGrid
) -> tuple[Float[np.ndarray, 'S 4 4'], Float[np.ndarray, 'S 3 3']]:
    """Return cam_from_world and K_model in float64, so that rotations are orthonormal."""
    encoding = torch.from_numpy(_numbers(pose_enc, 'camera poses')).double()
    field_of_view = encoding[:, 7:]
    usable = (field_of_view > MIN_FIELD_OF_VIEW_RAD) & (field_of_view < MAX_FIELD_OF_VIEW_RAD)
    if not bool(usable.all()):
        frame, axis = (int(i) for i in torch.nonzero(~usable)[0])
        degrees = math.degrees(float(field_of_view[frame, axis]))
        raise PredictionError(
            f'the network sees a field of view of {degrees:.2f} degrees in frame {frame}, which '
            f'has no focal length; the images do not suit the network'
        )
    quat_norms = encoding[:, 3:7].norm(dim=-1)
    if not bool((quat_norms > _MIN_QUAT_NORM).all()):
        raise PredictionError(
            f'the network gives no rotation for frame {int(quat_norms.argmin())}: the norm of '
            f'its quaternion is {float(quat_norms.min()):.2g}, the limit {_MIN_QUAT_NORM:g}'
        )
    rigid, K = decode_pose_encoding(encoding, (grid.model_height, grid.model_width))
    cam_from_world = np.tile(np.eye(4), (len(encoding), 1, 1))
    cam_from_world[:, :3] = rigid.numpy()
    return cam_from_world, K.numpy()


def _tracks(outputs: Outputs, num_images: int) -> Tracks:
    if 'track' not in outputs:  # there were no points to track
        none = np.zeros((num_images, 0), dtype=np.float32)
        return Tracks(positions=none[..., None].repeat(2, -1), visibility=none, confidence=none)
    visibility = _numbers(outputs['vis'], 'track visibility')
    return Tracks(
        positions=_numbers(outputs['track'], 'tracks'),
        visibility=visibility,
        # Without a confidence of its own a track is as certain as it is visible.
        confidence=_numbers(outputs['conf'], 'track confidence')
        if 'conf' in outputs
        else visibility,
    )
