"""Photographs packed into files, and the atlas that scenes are covered with while training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import logging
import os
from pathlib import Path

import numpy as np
import torch

from training.photo_selection import Crop
from vggt_ros.synthetic.texture_atlas import mip_levels, standard_atlas, TextureAtlas

_BATCH = 256  # crops whose smaller copies are made at once
_log = logging.getLogger('training')


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhotoAtlas:
    """Pictures to choose surfaces from.

    Attributes:
        atlas: Photographs first, then the standard pictures.
        num_photos: How many of its pictures are photographs; 0 without a cache.
        num_pictures: How many it has altogether.
    """

    atlas: TextureAtlas
    num_photos: int
    num_pictures: int


def default_cache() -> Path:
    """Return the folder of photographs: VGGT_ROS_PHOTOS, or one below the user's cache."""
    named = os.environ.get('VGGT_ROS_PHOTOS')
    return Path(named) if named else Path.home() / '.cache' / 'vggt_ros' / 'photos'


def pack(crops: Sequence[Crop], path: Path) -> None:
    """Write crops with all their smaller copies; a file that is there is replaced as a whole.

    Args:
        crops: RGB, all of one size, at least one.
        path: Ends in .npy.
    """
    packed = []
    for start in range(0, len(crops), _BATCH):
        pictures = torch.from_numpy(np.stack(crops[start : start + _BATCH])).float()
        packed.append(mip_levels(pictures).round().to(torch.uint8).numpy())
    fresh = path.with_suffix('.part')
    with fresh.open('wb') as file:
        np.save(file, np.concatenate(packed))
    fresh.replace(path)


def packed_file(cache: Path, *, for_validation: bool) -> Path:
    """Return where the crops of one side of the split are."""
    return cache / ('validation.npy' if for_validation else 'training.npy')


def load_atlas(cache: Path, device: torch.device, *, for_validation: bool = False) -> PhotoAtlas:
    """Return photographs and standard pictures; only the latter, and a warning, without a cache.

    Args:
        cache: What `python -m training.collect_photos` filled.
        device: Where pictures are rendered.
        for_validation: The photographs that are not trained on.
    """
    standard = standard_atlas(str(device))
    path = packed_file(cache, for_validation=for_validation)
    if not path.is_file():
        _log.warning(
            'no photographs in %s: surfaces show procedural pictures only; to collect some: '
            'python -m training.collect_photos',
            cache,
        )
        return PhotoAtlas(atlas=standard, num_photos=0, num_pictures=standard.num_pictures)
    photos = torch.from_numpy(np.load(path)).to(device)
    others = (255 * standard.texels).round().to(torch.uint8)
    texels = torch.cat([photos, others.view(-1, *photos.shape[1:])])
    return PhotoAtlas(
        atlas=TextureAtlas.from_texels(texels, standard.size),
        num_photos=len(photos),
        num_pictures=len(texels),
    )
