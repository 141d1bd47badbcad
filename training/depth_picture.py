"""`python -m training.depth_picture`: depth of several checkpoints beside what they saw."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import logging
from pathlib import Path
import sys

import cv2
from jaxtyping import Float32, UInt8
import numpy as np
import torch

from training.curriculum import CURRICULUM
from training.photo_atlas import load_atlas
from training.validation_sets import detailed_windows
from vggt_ros.errors import SourceError, VggtRosError
from vggt_ros.inference.checkpoint import load_network
from vggt_ros.inference.preprocess import load_images
from vggt_ros.model.vggt import VGGT

_WIDTH = CURRICULUM[-1].image_size[1]
_ENLARGED = 2
_GAP_PX = 4
_CPU = torch.device('cpu')
_log = logging.getLogger('training')


def depth_of(
    network: VGGT, images: Float32[np.ndarray, 'S 3 H W']
) -> Float32[np.ndarray, 'S H W']:
    """Return the depth of a window of images, in 0..1, in any unit."""
    window = torch.from_numpy(images)[None]
    with torch.no_grad():
        tokens = network.aggregator(window, network.config.layers_of('depth'))
        depth: Float32[np.ndarray, 'S H W'] = network.depth_head(tokens, window.shape[-2:])[0][
            0, ..., 0
        ].numpy()
    return depth


def colored(depth: Float32[np.ndarray, 'H W']) -> UInt8[np.ndarray, 'H W 3']:
    """Return depth as RGB, near is red, far is blue, by the logarithm between two percentiles."""
    low, high = np.percentile(depth, (2, 98))
    share = np.log(depth.clip(1e-6) / low) / np.log(max(high / low, 1.05))
    gray = (255 * (1 - share.clip(0, 1))).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(gray, cv2.COLORMAP_TURBO)[..., ::-1])


def picture(
    networks: Sequence[VGGT],
    windows: Sequence[Float32[np.ndarray, '_ 3 _ _']],
    true_depths: Sequence[Float32[np.ndarray, '_ _'] | None],
) -> UInt8[np.ndarray, 'height width 3']:
    """Return a row for each window: its first image, its true depth or nothing, all answers.

    Args:
        networks: On the CPU.
        windows: RGB in 0..1.
        true_depths: Of the first images; None where unknown.
    """
    rows = []
    for images, true_depth in zip(windows, true_depths, strict=True):
        first = (255 * images[0].transpose(1, 2, 0)).round().astype(np.uint8)
        truth = np.full_like(first, 255) if true_depth is None else colored(true_depth)
        answers = [colored(depth_of(network, images)[0]) for network in networks]
        cells = [np.pad(cell, ((0, _GAP_PX), (0, _GAP_PX), (0, 0)), constant_values=255)
                 for cell in (first, truth, *answers)]  # fmt: skip
        rows.append(np.concatenate(cells, axis=1))
    size = {'fx': _ENLARGED, 'fy': _ENLARGED, 'interpolation': cv2.INTER_NEAREST}
    return np.asarray(cv2.resize(np.concatenate(rows), None, **size))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog='python -m training.depth_picture', description=__doc__)
    parser.add_argument('checkpoints', nargs='+', metavar='CHECKPOINT')
    parser.add_argument('--images', nargs='*', default=[], help='each one is a window of its own')
    parser.add_argument(
        '--detailed', type=int, default=0, help='so many detailed places with procedural pictures'
    )
    parser.add_argument('--output', type=Path, required=True, help='a .png file')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw as the command line says; 0 if it went well."""
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    try:
        networks = [load_network(name)[0] for name in options.checkpoints]
        # Without the cache: what is shown can be shipped.
        procedural = load_atlas(Path('no photographs'), _CPU)
        made_up = detailed_windows(options.detailed, CURRICULUM[-1].image_size, procedural)
        windows = [images.numpy() for batch in made_up for images in batch.images]
        truths = [depth[0].numpy() for batch in made_up for depth in batch.depth]
        windows += [load_images([path], target_size=_WIDTH) for path in options.images]
        if not windows:
            raise SourceError('there is nothing to draw: give --images or --detailed')
        drawn = picture(networks, windows, [*truths, *[None] * len(options.images)])
    except VggtRosError as error:
        _log.error('%s', error)
        return 2
    cv2.imwrite(str(options.output), drawn[..., ::-1])
    return 0


if __name__ == '__main__':
    sys.exit(main())
