"""Windows of simple places, rendered."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np
import torch
from torch import Tensor

from training.views import Views
from vggt_ros.synthetic.renderer import render
from vggt_ros.synthetic.scene import Scene
from vggt_ros.synthetic.texture_atlas import TextureAtlas


def intrinsics(
    fov_rad: Float[np.ndarray, ' B'], image_size: tuple[int, int]
) -> Float[Tensor, 'B 3 3']:
    """Return K of cameras with square pixels and the principal point in the middle.

    Args:
        fov_rad: Horizontal fields of view.
        image_size: Height and width, pixels.
    """
    height, width = image_size
    K = np.zeros((len(fov_rad), 3, 3), np.float32)
    K[:, 0, 0] = K[:, 1, 1] = 0.5 * width / np.tan(0.5 * fov_rad)
    K[:, :2, 2] = 0.5 * (width - 1), 0.5 * (height - 1)
    K[:, 2, 2] = 1.0
    return torch.from_numpy(K)


def render_windows(
    scenes: Scene,
    world_from_cam: Float[Tensor, 'B S 4 4'],
    K: Float[Tensor, 'B 3 3'],
    image_size: tuple[int, int],
    *,
    samples: int = 1,
    atlas: TextureAtlas | None = None,
) -> Views:
    """Render windows, one of each scene.

    Args:
        scenes: B scenes.
        world_from_cam: Poses in them, meters.
        K: One camera for each window.
        image_size: Height and width, pixels.
        samples: Rays per pixel along each axis.
        atlas: What the scenes' pictures are numbers of; None: the standard pictures.
    """
    B, S = world_from_cam.shape[:2]
    scene_of_view = torch.arange(B, device=K.device).repeat_interleave(S)
    height, width = image_size
    with torch.no_grad():
        views = render(
            scenes,
            scene_of_view,
            K[scene_of_view],
            world_from_cam.flatten(0, 1),
            height=height,
            width=width,
            samples=samples,
            atlas=atlas,
        )
    return Views(
        rgb=views.rgb.view(B, S, height, width, 3),
        depth=views.depth.view(B, S, height, width),
        world_from_cam=world_from_cam,
        K=K,
    )
