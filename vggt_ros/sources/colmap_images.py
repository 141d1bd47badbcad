"""Images with a model of COLMAP: each image's camera and pose.

The model, text or binary, is in `sparse/0/`, `sparse/`, `dslr_calibration_undistorted/` (ETH3D) or
in the folder itself; images are in `images/`, or beside the model. Lengths are in the unit of the
model, which without further knowledge is not the meter. Images of a lens come out rectified.
"""

from __future__ import annotations

import logging
from pathlib import Path

from vggt_ros.errors import SourceError
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.colmap_model import has_model, read_model
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.image_folder import natural_order
from vggt_ros.sources.lens_models import colmap_camera
from vggt_ros.sources.picture_size import sizes_in_header
from vggt_ros.sources.source import stamp_ns_at

LAYOUT = 'colmap'
CONTENT = 'sparse/0/ with cameras and images, .bin or .txt'
_FOLDERS = 'sparse/0', 'sparse', 'dslr_calibration_undistorted', '.'
_log = logging.getLogger(__name__)


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return _model(path) is not None


def read(path: Path, rate_hz: float) -> Dataset:
    """Read the model; an image that is in it and not in the folder is left out.

    Args:
        path: The folder with the model and the images.
        rate_hz: Images a second; the files carry no time. Images are ordered by name.

    Raises:
        SourceError: The model is unreadable, has lenses of unknown kinds, or images have another
            size than their cameras.
    """
    model = _model(path)
    assert model is not None, 'asked for folders that match only'
    cameras, images = read_model(model)
    lenses = {
        number: colmap_camera(camera.model, camera.parameters, f'{model}, camera {number}')
        for number, camera in cameras.items()
    }
    folder = path / 'images' if (path / 'images').is_dir() else path
    found = [(folder / image.name, image) for image in images if (folder / image.name).is_file()]
    num_missing = len(images) - len(found)
    if images and not found:
        raise SourceError(
            f'none of the {len(images)} images of {model} is in {folder}; the first is '
            f'{images[0].name}: put the images into {path / "images"}'
        )
    if num_missing:
        _log.warning('%s names %d images that are not in %s', model, num_missing, folder)
    found.sort(key=lambda each: (each[0].parent, natural_order(each[0])))
    records = []
    for index, (file, image) in enumerate(found):
        K, distortion = lenses[image.camera]
        size = cameras[image.camera].size
        # Most versions of COLMAP see pictures as they are stored, whatever Exif says.
        upright, stored = sizes_in_header(file) or (size, size)
        said = Calibration(K=K, size=size, origin=f'{model}, camera {image.camera}')
        said.check(stored if stored == size else upright, image.name)
        records.append(
            DatasetRecord(
                image=file,
                stamp_ns=stamp_ns_at(index + 1, rate_hz),
                K=K,
                distortion=distortion,
                is_upright=stored != size,
                world_from_cam=image.world_from_cam,
            )
        )
    return Dataset(
        path.name,
        LAYOUT,
        records,
        rate_hz=rate_hz,
        truth='the camera as COLMAP estimated it, in the unit of the model, rarely meters',
        drops={'missing_file': num_missing},
    )


def _model(path: Path) -> Path | None:
    return next((path / name for name in _FOLDERS if has_model(path / name)), None)
