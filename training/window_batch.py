"""Windows to train on, with everything that is true about them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from jaxtyping import Float, Int
import torch
from torch import Tensor

from vggt_ros.synthetic.renderer import pixel_directions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowBatch:
    """B windows of S frames of H x W pixels.

    The world of a window is its first camera. Lengths are in units of the window: one is the mean
    distance of all points that its frames show from the first camera, as in Wang et al., "VGGT",
    CVPR 2025, section 3.4: no image tells what a meter is.

    Attributes:
        images: (B, S, 3, H, W) RGB in 0..1.
        depth: (B, S, H, W) along the optical axis, positive.
        cam_from_world: (B, S, 4, 4) rigid, OpenCV axes; the first one is the identity.
        K: (B, 3, 3) intrinsics of all frames of a window, pixels.
    """

    images: Float[Tensor, 'B S 3 H W']
    depth: Float[Tensor, 'B S H W']
    cam_from_world: Float[Tensor, 'B S 4 4']
    K: Float[Tensor, 'B 3 3']

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.images.shape[-2], self.images.shape[-1]

    def points_in_world(self) -> Float[Tensor, 'B S H W 3']:
        """Return where the pixels' centers are in the first camera."""
        return unproject(self.depth, self.K, self.cam_from_world)

    def to(self, device: torch.device) -> WindowBatch:
        """Return the windows on another device."""
        return WindowBatch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def normalized_window(
    images: Float[Tensor, 'B S 3 H W'],
    depth_m: Float[Tensor, 'B S H W'],
    world_from_cam: Float[Tensor, 'B S 4 4'],
    K: Float[Tensor, 'B 3 3'],
) -> WindowBatch:
    """Return windows in the world and the unit that the network is asked for.

    Args:
        images: RGB in 0..1.
        depth_m: In any unit of length, the one of the poses.
        world_from_cam: Rigid, any world.
        K: Pixels.
    """
    first_from_world = rigid_inverse(world_from_cam[:, :1])
    cam_from_first = rigid_inverse(first_from_world @ world_from_cam)
    points = unproject(depth_m, K, cam_from_first)
    unit = points.norm(dim=-1).mean(dim=(1, 2, 3))
    scaled = cam_from_first.clone()
    scaled[..., :3, 3] /= unit[:, None, None]
    return WindowBatch(
        images=images, depth=depth_m / unit[:, None, None, None], cam_from_world=scaled, K=K
    )


def in_order(
    world_from_cam: Float[Tensor, 'B S 4 4'], order: Int[Tensor, 'B S']
) -> Float[Tensor, 'B S 4 4']:
    """Return frames of windows in another order."""
    return world_from_cam.gather(1, order[..., None, None].expand(-1, -1, 4, 4))


def rigid_inverse(b_from_a: Float[Tensor, '*n 4 4']) -> Float[Tensor, '*n 4 4']:
    """Return a_from_b of rigid transforms."""
    inverse = torch.zeros_like(b_from_a)
    rotation = b_from_a[..., :3, :3].mT
    inverse[..., :3, :3] = rotation
    inverse[..., :3, 3] = -(rotation @ b_from_a[..., :3, 3, None])[..., 0]
    inverse[..., 3, 3] = 1.0
    return inverse


def unproject(
    depth: Float[Tensor, 'B S H W'],
    K: Float[Tensor, 'B 3 3'],
    cam_from_world: Float[Tensor, 'B S 4 4'],
) -> Float[Tensor, 'B S H W 3']:
    """Return where the pixels' centers are in the world."""
    B, S, height, width = depth.shape
    rays = pixel_directions(K, height, width)[:, None]
    in_cam = rays * depth.flatten(2)[..., None]
    world_from_cam = rigid_inverse(cam_from_world)
    in_world = in_cam @ world_from_cam[..., :3, :3].mT + world_from_cam[..., None, :3, 3]
    return in_world.view(B, S, height, width, 3)
