import numpy as np
import pytest
import torch

from training.photo_atlas import load_atlas, pack, packed_file
from training.view_rendering import intrinsics, render_windows
from training.window_batch import normalized_window
from vggt_ros.model.config import (
    AggregatorConfig,
    CameraHeadConfig,
    DptHeadConfig,
    NetworkConfig,
    TrackHeadConfig,
)
from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.scene import Scene
from vggt_ros.synthetic.walk import walk_along

IMAGE_SIZE = (84, 112)


@pytest.fixture(scope='session')
def views():
    """Two rooms, three frames each, rendered small."""
    rooms = [furnished_room(seed) for seed in (11, 12)]
    poses = [
        walk_along(np.random.default_rng(5), room.path, 60, 10.0).world_from_cam[20:32:5]
        for room in rooms
    ]
    K = intrinsics(np.array([1.2, 1.5]), IMAGE_SIZE)
    scenes = Scene.stack([room.scene for room in rooms])
    return render_windows(scenes, torch.from_numpy(np.stack(poses)).float(), K, IMAGE_SIZE)


@pytest.fixture(scope='session')
def window(views):
    images = views.rgb.permute(0, 1, 4, 2, 3) / 255.0
    return normalized_window(images, views.depth, views.world_from_cam, views.K)


@pytest.fixture(scope='session')
def small_config():
    """A network that is fast to train a few steps; the parts are those of nano."""
    head = {'features': 16, 'out_channels': (8, 8, 16, 16), 'layers': (0, 1, 1, 1)}
    return NetworkConfig(
        aggregator=AggregatorConfig(
            img_size=112, embed_dim=128, depth=2, num_heads=4, patch_embed='dinov2_vitn14_reg'
        ),
        camera_head=CameraHeadConfig(trunk_depth=1, num_heads=4, mlp_ratio=1.0, iterations=2),
        dpt_head=DptHeadConfig(**head),
        track_head=TrackHeadConfig(
            **head,
            corr_levels=3,
            corr_radius=2,
            hidden_size=32,
            depth=1,
            num_heads=2,
            num_virtual_tracks=4,
            iterations=2,
        ),
    )


@pytest.fixture(scope='session')
def photo_cache(tmp_path_factory):
    """Twelve colored noise pictures as photographs, four of them for validation."""
    cache = tmp_path_factory.mktemp('photos')
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    crops = list(coarse.repeat(8, axis=1).repeat(8, axis=2))
    pack(crops[4:], packed_file(cache, for_validation=False))
    pack(crops[:4], packed_file(cache, for_validation=True))
    return cache


@pytest.fixture(scope='session')
def pictures(photo_cache):
    return load_atlas(photo_cache, torch.device('cpu'))
