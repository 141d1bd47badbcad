"""What can go wrong when a transform is asked for."""


class TransformException(Exception):
    """Base of all errors of tf2."""


class ConnectivityException(TransformException):
    """The two frames are not in one tree."""


class LookupException(TransformException):
    """A frame was never heard of."""


class ExtrapolationException(TransformException):
    """The stamp is outside of what the buffer holds."""


class InvalidArgumentException(TransformException):
    """A frame name or a transform is malformed."""


class TimeoutException(TransformException):
    """No answer came in time."""
