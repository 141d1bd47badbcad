"""The `format` of a CompressedImage: what its publisher says about the picture in it.

The publishers of image_transport_plugins have written these, since the date given (of the commit;
releases follow). <encoding> is that of the image before compression:

- 2009-09-30: `jpeg`, `png`. The picture says all there is to say.
- 2012-06-22: `<encoding>; jpeg compressed` and `; png compressed`. Colors were handed to the
  compressor as RGB where it takes BGR: red and blue are exchanged in the picture.
- 2012-06-22: `<encoding>; compressedDepth`, and with the codec, `png` or `rvl`, behind it since
  2019-08-29 (ROS 1) and 2023-11-02 (ROS 2). Depth on a topic of its own.
- 2012-12-06: `<encoding>; jpeg compressed bgr8`, `; png compressed bgr8` or `bgr16` for colors;
  nothing behind `compressed ` for all others, that is mono and mosaics, as they were.
- 2021-06-18: `<encoding>; tiff compressed `. The image as it was: rgb8 is taken for BGR.
- 2021-06-24: `<encoding>; jpeg compressed mono8` for what has no colors; a mosaic becomes gray.
- 2023-09-27: `zstd`, on a topic of its own: no picture.

Proposed and never merged: `qoi` (2022-07-25), `jpeg compressed bayer_rggb8` (2022-05-13).
cv_bridge writes the ending of a file, `jpg`, `png` and so on; other drivers `jpeg`, `image/jpeg`
or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
import re

_COLORS = re.compile(r'(rgb|bgr)a?(8|16)')
_MOSAIC = re.compile(r'bayer_(rggb|bggr|gbrg|grbg)(8|16)')
_WORD = re.compile(r'[a-z0-9_]+')


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFormat:
    """What a publisher says about a picture.

    Attributes:
        encoding: Of the image before compression, as in Image messages; empty if not said.
        stored: What the compressor was given, as `bgr8`; empty if not said.
        is_depth: It is no picture but compressed depth.
        is_of_transport: Written as image_transport does, with `compressed` in it.
    """

    encoding: str
    stored: str
    is_depth: bool
    is_of_transport: bool

    @property
    def is_mosaic(self) -> bool:
        """Whether the pixels have one color each, as those of a sensor (bayer)."""
        holds_image = self.stored in ('', self.encoding)
        return bool(_MOSAIC.fullmatch(self.encoding)) and holds_image

    def has_rgb_as_bgr(self, codec: str) -> bool:
        """Return whether red and blue are exchanged in the picture.

        Args:
            codec: Of the picture itself: JPEG, PNG, WEBP or TIFF.
        """
        if not self.is_of_transport or not _COLORS.fullmatch(self.encoding):
            return False
        if codec == 'TIFF':
            return (self.stored or self.encoding).startswith('rgb')
        return not self.stored.startswith('bgr')


def parse_format(text: str) -> PictureFormat:
    """Return what the `format` of a message says; anything is taken.

    Args:
        text: As it came.
    """
    before, semicolon, after = text.partition(';')
    encoding = before.strip() if semicolon else ''
    words = _WORD.findall(after.lower())
    behind = words[words.index('compressed') + 1 :] if 'compressed' in words else []
    if not semicolon and _MOSAIC.fullmatch(before.strip()):
        encoding = before.strip()  # an encoding alone: some drivers know no better
    return PictureFormat(
        encoding=encoding,
        stored=behind[0] if behind else '',
        is_depth='compresseddepth' in text.lower(),
        is_of_transport='compressed' in words,
    )
