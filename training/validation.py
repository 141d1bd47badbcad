"""Errors of a network on windows: what decides between trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from training.window_batch import WindowBatch
from vggt_ros.evaluation.camera_error import pair_errors, PairErrors, pose_auc
from vggt_ros.evaluation.depth import depth_error
from vggt_ros.model.pose_encoding import decode_pose_encoding
from vggt_ros.model.vggt import VGGT


def validate(
    network: VGGT, windows: Sequence[WindowBatch], device: torch.device
) -> Mapping[str, float]:
    """Return median errors of poses, and the mean error of depth with one scale per window.

    Args:
        network: On the device.
        windows: One set of `validation_sets`.
        device: Where to compute.

    Returns:
        rotation_deg, direction_deg, pose_auc_30, focal_error, and depth_abs_rel and
        depth_delta_125 where depth is known.
    """
    pairs, focal, depths = [], [], []
    for batch in windows:
        window = batch.to(device)
        layers = network.config.layers_of('depth') + network.config.layers_of('camera')
        with torch.no_grad():
            tokens = network.aggregator(window.images, layers)
            pose_enc = network.camera_head(tokens[max(tokens)])[-1]
            depth = network.depth_head(tokens, window.image_size)[0][..., 0].cpu().numpy()
        cam_from_world, K = decode_pose_encoding(pose_enc.cpu(), window.image_size)
        focal.append((K[..., 0, 0] / batch.K[:, None, 0, 0] - 1).abs().flatten().numpy())
        for b, true_depth in enumerate(batch.depth.numpy()):
            estimated = np.tile(np.eye(4), (len(true_depth), 1, 1))
            estimated[:, :3] = cam_from_world[b].double().numpy()
            pairs.append(pair_errors(estimated, batch.cam_from_world[b].double().numpy()))
            if (true_depth > 0).any():
                depths.append(depth_error(depth[b], true_depth))
    joined = PairErrors.join(pairs)
    errors = {
        'rotation_deg': float(np.median(joined.rotation_deg)),
        'direction_deg': float(np.nanmedian(joined.direction_deg)),
        'pose_auc_30': pose_auc(joined),
        'focal_error': float(np.median(np.concatenate(focal))),
    }
    if depths:
        errors['depth_abs_rel'] = float(np.mean([d.abs_rel for d in depths]))
        errors['depth_delta_125'] = float(np.mean([d.delta_125 for d in depths]))
    return errors
