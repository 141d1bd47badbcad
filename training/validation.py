"""A look at how good the network is, while it is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from training.learner import Learner
from training.motion import window_poses
from training.window_batch import normalized_window, WindowBatch
from training.window_sampler import intrinsics, render_windows
from vggt_ros.evaluation.camera_error import pair_errors, PairErrors, pose_auc
from vggt_ros.evaluation.depth import depth_error
from vggt_ros.model.pose_encoding import decode_pose_encoding
from vggt_ros.synthetic.places import random_place
from vggt_ros.synthetic.scene import Scene

# Neither trained on nor held out: what is decided while training is decided by these.
VALIDATION_SEEDS = range(800_000, 800_024)
_NUM_FRAMES = 4
_FOV_RAD = 1.2
_AT_A_TIME = 8


def validation_windows(image_size: tuple[int, int]) -> list[WindowBatch]:
    """Return the same windows every time, without camera artefacts, on the CPU.

    Args:
        image_size: Height and width, pixels.
    """
    batches = []
    for start in range(0, len(VALIDATION_SEEDS), _AT_A_TIME):
        seeds = VALIDATION_SEEDS[start : start + _AT_A_TIME]
        places = [random_place(seed) for seed in seeds]
        poses = np.stack(
            [
                window_poses(
                    np.random.default_rng(seed), p.path, p.eye_height_m, p.focus, _NUM_FRAMES
                )
                for seed, p in zip(seeds, places, strict=True)
            ]
        )
        K = intrinsics(_FOV_RAD, image_size).expand(len(seeds), -1, -1)
        scenes = Scene.stack([place.scene for place in places])
        views = render_windows(scenes, torch.from_numpy(poses).float(), K, image_size)
        images = views.rgb.permute(0, 1, 4, 2, 3) / 255.0
        batches.append(normalized_window(images, views.depth, views.world_from_cam, K))
    return batches


def validate(
    learner: Learner, windows: list[WindowBatch], device: torch.device
) -> Mapping[str, float]:
    """Return median errors of poses, and the mean error of depth with one scale per window.

    Args:
        learner: On the device; the weights to look at.
        windows: What `validation_windows` returned.
        device: Where to compute.

    Returns:
        rotation_deg, direction_deg, pose_auc_30, depth_abs_rel (of the depth head) and
        patch_depth_abs_rel (of the linear read-out).
    """
    pairs, dense, patchwise = [], [], []
    network = learner.network
    for batch in windows:
        window = batch.to(device)
        with torch.no_grad():
            tokens = network.aggregator(
                window.images,
                network.config.layers_of('depth') + network.config.layers_of('camera'),
            )
            pose_enc = network.camera_head(tokens[max(tokens)])[-1]
            depth = network.depth_head(tokens, window.image_size)[0][..., 0]
            patch_depth = learner.readout.depth_map(
                tokens[max(tokens)][:, :, network.config.aggregator.num_special_tokens :],
                window.image_size,
            )
        cam_from_world, _ = decode_pose_encoding(pose_enc.cpu(), window.image_size)
        for b in range(len(window.images)):
            estimated = np.tile(np.eye(4), (_NUM_FRAMES, 1, 1))
            estimated[:, :3] = cam_from_world[b].double().numpy()
            pairs.append(pair_errors(estimated, batch.cam_from_world[b].double().numpy()))
            true_depth = batch.depth[b].numpy()
            dense.append(depth_error(depth[b].cpu().numpy(), true_depth).abs_rel)
            patchwise.append(depth_error(patch_depth[b].cpu().numpy(), true_depth).abs_rel)
    joined = PairErrors.join(pairs)
    return {
        'rotation_deg': float(np.median(joined.rotation_deg)),
        'direction_deg': float(np.nanmedian(joined.direction_deg)),
        'pose_auc_30': pose_auc(joined),
        'depth_abs_rel': float(np.mean(dense)),
        'patch_depth_abs_rel': float(np.mean(patchwise)),
    }
