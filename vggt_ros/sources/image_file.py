"""One picture in a file, as a camera would have delivered it."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import UInt8
import numpy as np
from PIL import Image, ImageOps

from vggt_ros.errors import SourceError

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm', '.pgm')
# In a folder a picture, of which the first is taken; alone a film.
FILM_SUFFIXES = ('.gif',)
# Formats that OpenCV would open as a film of one picture, or of its numbered neighbors.
OTHER_IMAGE_SUFFIXES = (
    *('.avif', '.heic', '.jp2', '.exr', '.hdr', '.pbm', '.pnm', '.dib', '.jpe'),
)
_WHITE = (255, 255, 255, 255)


def read_image(path: Path, *, is_upright: bool = True) -> UInt8[np.ndarray, 'H W 3']:
    """Read a picture as contiguous (H, W, 3) RGB.

    Transparent pixels become white; of 16-bit gray the upper 8 bits are kept.

    Args:
        path: The file.
        is_upright: Turn it as its Exif orientation says; else as the sensor saw it.

    Raises:
        SourceError: The file cannot be opened, is cut short, or is not a picture.
    """
    try:
        # Pillow refuses files that are cut short; OpenCV fills the missing rows with gray.
        with Image.open(path) as file:
            return _rgb(ImageOps.exif_transpose(file) if is_upright else file)
    # Pillow's decoders report damage as any of these.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise SourceError(
            f'{path} cannot be read as an image ({error}); replace or remove the file'
        ) from error


def _rgb(image: Image.Image) -> UInt8[np.ndarray, 'H W 3']:
    if image.mode.startswith('I'):
        # Pillow would clip these at 255 instead of scaling them.
        gray = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=-1)
    if 'A' in image.getbands() or 'transparency' in image.info:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, _WHITE), image)
    return np.array(image.convert('RGB'), dtype=np.uint8)
