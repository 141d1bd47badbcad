"""What every source of transforms offers, and the registry of things that can be transformed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rclpy.duration import Duration
from std_msgs.msg import Header


class TypeException(Exception):
    """A type was not registered for transformation or conversion."""


class NotImplementedException(Exception):
    """A method that only subclasses have was called on the interface."""

    def __init__(self) -> None:
        super().__init__('this method is implemented by subclasses of BufferInterface')


class BufferInterface:
    """Transforms objects between frames by the lookups of a subclass."""

    def __init__(self) -> None:
        self.registration = TransformRegistration()

    def transform(
        self,
        object_stamped: Any,
        target_frame: str,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
        new_type: type | None = None,
    ) -> Any:
        """Return an object in another frame, at the object's own stamp.

        Args:
            object_stamped: Anything with a header whose type is registered.
            target_frame: Where to express it.
            timeout: How long to wait for the transform.
            new_type: Type to convert the answer to, None for the type of the object.

        Raises:
            TypeException: The type is not registered.
            TransformException: The lookup failed.
        """
        header = object_stamped.header
        found = self.lookup_transform(target_frame, header.frame_id, header.stamp, timeout)
        return self._moved(object_stamped, found, new_type)

    def transform_full(
        self,
        object_stamped: Any,
        target_frame: str,
        target_time: Any,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
        new_type: type | None = None,
    ) -> Any:
        """Return an object in another frame at another time, by way of a fixed frame."""
        header = object_stamped.header
        found = self.lookup_transform_full(
            target_frame, target_time, header.frame_id, header.stamp, fixed_frame, timeout
        )
        return self._moved(object_stamped, found, new_type)

    def lookup_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Any,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
    ) -> Any:
        """Return target_from_source; subclasses do."""
        raise NotImplementedException

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
    ) -> Any:
        """Return target_from_source at two times; subclasses do."""
        raise NotImplementedException

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Any,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
    ) -> Any:
        """Tell whether a lookup would succeed; subclasses do."""
        raise NotImplementedException

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
    ) -> Any:
        """Tell whether a lookup at two times would succeed; subclasses do."""
        raise NotImplementedException

    def _moved(self, object_stamped: Any, found: Any, new_type: type | None) -> Any:
        moved = self.registration.get(type(object_stamped))(object_stamped, found)
        return moved if new_type is None else convert(moved, new_type)


def Stamped(obj: Any, stamp: Any, frame_id: str) -> Any:
    """Give an object a header and return it."""
    obj.header = Header(frame_id=frame_id, stamp=stamp)
    return obj


class TransformRegistration:
    """Functions (object, transform) -> object, by type; shared by all buffers."""

    __type_map: ClassVar[dict[type, Callable[[Any, Any], Any]]] = {}

    def add(self, key: type, callback: Callable[[Any, Any], Any]) -> None:
        """Register the function for a type."""
        TransformRegistration.__type_map[key] = callback

    def get(self, key: type) -> Callable[[Any, Any], Any]:
        """Return the function for a type; TypeException if there is none."""
        if key not in TransformRegistration.__type_map:
            raise TypeException(f'Type {key} if not loaded or supported')
        return TransformRegistration.__type_map[key]

    def print_me(self) -> str:
        """Return the registered types as text."""
        return str(TransformRegistration.__type_map)


class ConvertRegistration:
    """Functions between types and messages; shared by all buffers."""

    __from_msg: ClassVar[dict[type, Callable[[Any], Any]]] = {}
    __to_msg: ClassVar[dict[type, Callable[[Any], Any]]] = {}
    __convert: ClassVar[dict[tuple[type, type], Callable[[Any], Any]]] = {}

    def add_from_msg(self, key: type, callback: Callable[[Any], Any]) -> None:
        """Register how a type is made from its message."""
        ConvertRegistration.__from_msg[key] = callback

    def add_to_msg(self, key: type, callback: Callable[[Any], Any]) -> None:
        """Register how a type becomes a message."""
        ConvertRegistration.__to_msg[key] = callback

    def add_convert(self, key: tuple[type, type], callback: Callable[[Any], Any]) -> None:
        """Register how one type becomes another without a message."""
        ConvertRegistration.__convert[key] = callback

    def get_from_msg(self, key: type) -> Callable[[Any], Any]:
        """Return the function; TypeException if there is none."""
        return self._get(ConvertRegistration.__from_msg, key)

    def get_to_msg(self, key: type) -> Callable[[Any], Any]:
        """Return the function; TypeException if there is none."""
        return self._get(ConvertRegistration.__to_msg, key)

    def get_convert(self, key: tuple[type, type]) -> Callable[[Any], Any]:
        """Return the function; TypeException if there is none."""
        return self._get(ConvertRegistration.__convert, key)

    @staticmethod
    def _get(functions: dict[Any, Callable[[Any], Any]], key: Any) -> Callable[[Any], Any]:
        if key not in functions:
            raise TypeException(f'Type {key} if not loaded or supported')
        return functions[key]


def convert(a: Any, b_type: type) -> Any:
    """Return an object as another type, directly or by way of its message."""
    registration = ConvertRegistration()
    try:
        return registration.get_convert((type(a), b_type))(a)
    except TypeException:
        if type(a) is b_type:
            return a
        message = registration.get_to_msg(type(a))(a)
        return registration.get_from_msg(b_type)(message)
