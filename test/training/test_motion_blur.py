import numpy as np
import torch

from training.motion_blur import line_kernels, smeared


def test_a_dot_becomes_a_line():
    images = torch.zeros(1, 1, 3, 15, 15)
    images[..., 7, 7] = 1
    line = smeared(images, np.array([[[4.0, 0.0]]]))[0, 0, 0]
    assert line[7].sum() > 0.999
    assert (line[7, 5:10] > 0.12).all()
    assert line[7, 3] == 0


def test_frames_may_move_differently_and_still_windows_stay():
    images = torch.rand(2, 2, 3, 20, 20)
    blurred = smeared(images, np.array([[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 5.0]]]))
    assert torch.equal(blurred[0], images[0])
    torch.testing.assert_close(blurred[1, 0], images[1, 0])
    assert (blurred[1, 1] - images[1, 1]).abs().max() > 0.1


def test_kernels_keep_the_light():
    motion = np.random.default_rng(0).uniform(-6, 6, (20, 2))
    np.testing.assert_allclose(line_kernels(motion).sum(axis=(1, 2)), 1.0, rtol=1e-5)
