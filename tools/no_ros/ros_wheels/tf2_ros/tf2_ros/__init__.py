"""Stand-in for tf2_ros where no ROS installation provides it.

The real API, names, defaults and errors. Left out: BufferClient and BufferServer (lookups
through an action).
"""

from tf2_py import *  # noqa: F403
from tf2_ros.buffer import Buffer
from tf2_ros.buffer_interface import (
    BufferInterface,
    convert,
    ConvertRegistration,
    NotImplementedException,
    Stamped,
    TransformRegistration,
    TypeException,
)
from tf2_ros.static_transform_broadcaster import StaticTransformBroadcaster
from tf2_ros.transform_broadcaster import TransformBroadcaster
from tf2_ros.transform_listener import TransformListener

__all__ = [  # noqa: F405
    'Buffer',
    'BufferCore',
    'BufferInterface',
    'ConnectivityException',
    'ConvertRegistration',
    'ExtrapolationException',
    'InvalidArgumentException',
    'LookupException',
    'NotImplementedException',
    'Stamped',
    'StaticTransformBroadcaster',
    'TimeoutException',
    'TransformBroadcaster',
    'TransformException',
    'TransformListener',
    'TransformRegistration',
    'TypeException',
    'convert',
]
