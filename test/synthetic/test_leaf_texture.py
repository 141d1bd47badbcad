import cv2
import numpy as np

from vggt_ros.synthetic.leaf_texture import leaf_texture


def test_a_texture_tiles_and_the_seed_decides_it():
    texture = leaf_texture(np.random.default_rng(1), 128)
    np.testing.assert_array_equal(texture, leaf_texture(np.random.default_rng(1), 128))
    assert texture.dtype == np.float32
    assert texture.min() >= 0
    assert texture.max() <= 1
    # Across the seam neighbors differ as much as anywhere.
    for axis in (0, 1):
        steps = np.abs(np.diff(texture, axis=axis, append=texture.take([0], axis=axis)))
        at_seam = steps.take(-1, axis=axis).mean()
        assert at_seam < 1.5 * steps.mean()


def test_there_are_features_at_several_sizes():
    texture = leaf_texture(np.random.default_rng(2), 512)
    image = np.rint(255 * texture).astype(np.uint8)
    sizes = np.array([k.size for k in cv2.SIFT_create().detect(image, None)])
    assert len(sizes) > 800
    for low, high in ((2, 4), (4, 8), (8, 16), (16, 64)):
        assert ((sizes >= low) & (sizes < high)).sum() > 10
