"""World points of golden files, by the package's own geometry."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject_depth


def points_in_world(depth: Tensor, cam_from_world: Tensor, K: Tensor) -> Tensor:
    """Return points (*n, H, W, 3) of depth (*n, H, W, 1), cameras (*n, 3, 4) and K (*n, 3, 3)."""
    points = np.empty((*depth.shape[:-1], 3))
    for n in np.ndindex(*depth.shape[:-3]):
        camera = cam_from_world[n].double().numpy()
        world_from_cam = se3.inverse(se3.rigid(camera[:, :3], camera[:, 3]))
        points_in_cam = unproject_depth(depth[n].squeeze(-1).numpy(), K[n].double().numpy())
        points[n] = se3.transform(world_from_cam, points_in_cam.astype(np.float64))
    return torch.from_numpy(points)
