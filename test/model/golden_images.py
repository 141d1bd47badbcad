"""Recomputes what the golden file `preprocess` holds."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path
import tempfile

import numpy as np
from PIL import Image

from vggt_ros.inference.preprocess import load_images, RESIZE_MODES

_EVERY = 5


def image_outputs(
    stored: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Load the stored sources from files and return what the loader makes of them."""
    full_shapes = json.loads(metadata.get('full_shapes', '{}'))
    outputs: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for key, pixels in stored.items():
            if key.startswith('src.'):
                name = key.removeprefix('src.')
                paths[name] = Path(folder) / f'{name}.png'
                Image.fromarray(pixels).save(paths[name])
        for key in stored:
            mode, _, name = key.partition('.')
            if mode not in RESIZE_MODES or name.endswith('.mean'):
                continue
            images = load_images(_sources(name, paths), mode)
            if list(images.shape) != full_shapes.get(key, list(images.shape)):
                continue  # a wrong size is an output that was not reproduced
            outputs[key] = np.rint(images * 255).astype(np.uint8)[..., ::_EVERY, ::_EVERY]
            outputs[f'{key}.mean'] = images.mean(axis=(2, 3), dtype=np.float64)
    return outputs


def _sources(name: str, paths: Mapping[str, Path]) -> list[Path]:
    """`mixed_a_d` is one call with the sources whose names begin with a_ and d_."""
    if name in paths:
        return [paths[name]]
    letters = name.split('_')[1:]
    return [path for letter in letters for key, path in paths.items() if key[0] == letter]
