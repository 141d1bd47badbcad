"""A small store for tensors that depend on sizes only."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import torch

Value = TypeVar('Value')


class ConstantCache(Generic[Value]):
    """Keeps the newest few constants; the oldest goes when it is full.

    It belongs to a module, so that the memory on the device goes with the module. Constants are
    made outside inference mode: what an inference run cached can be used in training.
    """

    def __init__(self, capacity: int = 8) -> None:
        self._capacity = capacity
        self._values: dict[Hashable, Value] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the constant of `key`, made by `make` the first time."""
        value = self._values.get(key)
        if value is None:
            with torch.inference_mode(mode=False), torch.no_grad():
                value = make()
            while len(self._values) >= self._capacity:
                self._values.pop(next(iter(self._values)))
            self._values[key] = value
        return value
