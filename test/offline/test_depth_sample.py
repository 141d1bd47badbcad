import numpy as np


def test_samples_are_keyframes_with_their_depth_on_their_own_memory(mapped, walk):
    assert len(mapped.samples) >= 2
    for sample in mapped.samples:
        assert sample.frame_id in mapped.keyframes
        assert sample.depth.shape == sample.image.shape[:2] == (walk.height, walk.width)
        true = walk.world.depth(
            walk.world_from_cam[sample.frame_id], walk.K, walk.width, walk.height
        )
        assert np.nanmedian(np.abs(sample.depth / true - 1)) < 0.05
        assert sample.depth.base is None
        assert sample.confidence.base is None
