"""Preprocessing of the camera's image for the network: resize, then crop or pad.

The network was trained on images that went through exactly these steps, in uint8 with Pillow's
bicubic filter, so the same filter and the same rounding are used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from jaxtyping import Float32, UInt8
import numpy as np
from PIL import Image, UnidentifiedImageError

from vggt_ros.errors import ConfigError, PredictionError, SourceError
from vggt_ros.inference.image_grid import ImageGrid

RESIZE_MODES = ('crop', 'pad')
_WHITE = 255


def plan_grid(
    width: int, height: int, image_size: int, patch_size: int = 14, mode: str = 'crop'
) -> ImageGrid:
    """Decide which part of a camera's image the network sees, and at which size.

    Args:
        width: Width of the camera's image, pixels.
        height: Height of the camera's image, pixels.
        image_size: Side of the network's image, pixels, a multiple of `patch_size`.
        patch_size: Side of the network's patches, pixels.
        mode: `crop` makes the width `image_size` and the height what the shape of the image
            asks for, in whole patches, cut to `image_size` rows about the middle. `pad` makes
            the longer side `image_size` and centers the image on a white square.

    Raises:
        ConfigError: The mode is unknown, or `image_size` is not a whole number of patches.
        PredictionError: The image is empty or so narrow that not one row or column of patches
            is left of it.
    """
    if mode not in RESIZE_MODES:
        raise ConfigError(f'the resize mode must be one of {", ".join(RESIZE_MODES)}; got {mode}')
    if image_size < patch_size or image_size % patch_size:
        raise ConfigError(
            f'the image size must be a multiple of the patch size {patch_size}; got {image_size}'
        )
    if min(width, height) < 1:
        raise PredictionError(f'the image is empty: {width} x {height} pixels')

    resized_width, resized_height = image_size, image_size
    # The order of the operations decides how halves are rounded.
    if mode == 'crop' or width >= height:
        resized_height = round(height * (image_size / width) / patch_size) * patch_size
    else:
        resized_width = round(width * (image_size / height) / patch_size) * patch_size
    if min(resized_width, resized_height) < patch_size:
        raise PredictionError(
            f'an image of {width} x {height} pixels is too narrow: scaled to {image_size} pixels '
            f'its short side is less than half a patch of {patch_size}; cut it first'
        )

    model_width = model_height = image_size
    if mode == 'crop':
        model_height = min(resized_height, image_size)
    return ImageGrid(
        image_width=width,
        image_height=height,
        model_width=model_width,
        model_height=model_height,
        scale_u=resized_width / width,
        scale_v=resized_height / height,
        offset_u=_first(model_width, resized_width),
        offset_v=_first(model_height, resized_height),
    )


def resize(
    image: UInt8[np.ndarray, 'image_height image_width 3'], grid: ImageGrid
) -> UInt8[np.ndarray, 'H W 3']:
    """Bring a camera's RGB image onto the network's pixels; padding is white.

    Raises:
        PredictionError: The image does not have the size the grid was planned for.
    """
    if image.shape[:2] != (grid.image_height, grid.image_width):
        raise PredictionError(
            f'the image has {image.shape[1]} x {image.shape[0]} pixels, the grid is for '
            f'{grid.image_width} x {grid.image_height}; plan a grid for each image size'
        )
    width = round(grid.image_width * grid.scale_u)
    height = round(grid.image_height * grid.scale_v)
    resized = np.asarray(
        Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC), dtype=np.uint8
    )
    return _centered(resized, grid.model_height, grid.model_width)


def load_images(
    paths: Sequence[str | PathLike[str]],
    mode: str = 'crop',
    target_size: int = 518,
    patch_size: int = 14,
) -> Float32[np.ndarray, 'S 3 H W']:
    """Read image files the way the network was trained to see them.

    Transparent images are put on white, gray ones become RGB. Images of different shapes are
    centered on white of the largest height and width among them.

    Args:
        paths: Files that Pillow can read, at least one.
        mode: `crop` or `pad`, see `plan_grid`.
        target_size: Side of the network's image, pixels.
        patch_size: Side of the network's patches, pixels.

    Returns:
        RGB in 0..1, channels first.

    Raises:
        ConfigError: The mode or the size is not allowed.
        PredictionError: There are no paths, or an image is empty or too narrow.
        SourceError: A file is missing or is not an image.
    """
    if not paths:
        raise PredictionError('there are no images to load; give at least one path')
    resized = []
    for path in paths:
        image = _read(path)
        height, width = image.shape[:2]
        resized.append(resize(image, plan_grid(width, height, target_size, patch_size, mode)))
    height = max(image.shape[0] for image in resized)
    width = max(image.shape[1] for image in resized)
    images = np.stack([_centered(image, height, width) for image in resized])
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)


def _read(path: str | PathLike[str]) -> UInt8[np.ndarray, 'H W 3']:
    try:
        with Image.open(path) as file:
            image: Image.Image = file
            if image.mode == 'RGBA':
                white = Image.new('RGBA', image.size, (_WHITE,) * 4)
                image = Image.alpha_composite(white, image)
            return np.asarray(image.convert('RGB'), dtype=np.uint8)
    except FileNotFoundError as error:
        raise SourceError(f'there is no image file {path}; check the path') from error
    except (UnidentifiedImageError, OSError) as error:
        raise SourceError(f'{path} cannot be read as an image: {error}') from error


def _first(length: int, content: int) -> int:
    """Return where `content` pixels start on `length` pixels; negative if they are cropped."""
    if content > length:
        return -((content - length) // 2)
    return (length - content) // 2


def _centered(
    image: UInt8[np.ndarray, 'h w 3'], height: int, width: int
) -> UInt8[np.ndarray, 'H W 3']:
    """Crop what is too large about the middle, pad what is too small with white."""
    top, left = _first(height, image.shape[0]), _first(width, image.shape[1])
    image = image[max(-top, 0) :, max(-left, 0) :][:height, :width]
    canvas = np.full((height, width, 3), _WHITE, dtype=np.uint8)
    top, left = max(top, 0), max(left, 0)
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas
