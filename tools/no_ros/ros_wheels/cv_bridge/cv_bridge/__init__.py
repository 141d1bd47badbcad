"""Stand-in for ROS 2's `cv_bridge`, for environments without a ROS installation.

It keeps the names, defaults, results and errors of the Python side of the package of the same
name in ros-perception/vision_opencv (as of Jazzy, Kilted and Rolling), so that code runs on
either unchanged. What the original does in C++ is done here with NumPy and OpenCV's Python
module (4 or 5). Never install it where the real package exists.

Encodings: all of sensor_msgs/image_encodings.hpp: rgb, bgr, rgba, bgra, mono and bayer with 8 and
16 bits, uyvy (yuv422), yuyv (yuv422_yuy2), nv12, nv21, nv24, and the generic ones (8U to 64F, with
C and a number of channels). The original as of 2024 knows the two old names of packed YUV and
refuses uyvy, yuyv, nv12, nv21 and nv24 as unrecognized.

Left out and different:
  - The C++ library (CvImage, toCvCopy, type adapters).
  - Images of foreign byte order also work with NumPy 2, where the original fails.
  - `data` given as a list counts as bytes for every encoding, not only for those of one byte.
  - `cvtColor2` and `cvtColorForDisplay` raise TypeError for something that is no image; the
    original goes on with an empty image.
"""

from cv_bridge.boost.cv_bridge_boost import cvtColorForDisplay, getCvType
from cv_bridge.core import CvBridge, CvBridgeError

__all__ = ['CvBridge', 'CvBridgeError', 'cvtColorForDisplay', 'getCvType']
