"""Checked arrays: what a file holds, used only as far as it says what it must say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from vggt_ros.errors import SessionError
from vggt_ros.geometry.plausible import implausible


class CheckedArrays:
    """Named arrays of one file; whatever is not as expected is refused by name."""

    def __init__(self, file_name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what was read.

        Args:
            file_name: For messages.
            arrays: By name; names that nothing asks for are of no account.
        """
        self._file_name = file_name
        self._arrays = arrays

    def refuse(self, name: str, problem: str) -> SessionError:
        """Return the error that says what is wrong with an array."""
        return SessionError(
            f'{self._file_name}: {name} {problem}; the stored map is damaged and is not used: '
            f'load another one'
        )

    def has(self, name: str) -> bool:
        """Return whether there is an array that files of before it was stored lack."""
        return name in self._arrays

    def get(
        self,
        name: str,
        dtype: Any,
        shape: Sequence[int | None],
        *,
        may_be_nan: bool = False,
    ) -> Any:
        """Return an array.

        Args:
            name: Of the array.
            dtype: That it must have.
            shape: That it must have; None for any length of an axis.
            may_be_nan: Whether numbers may be NaN; infinite they may never be.

        Raises:
            SessionError: It is not there, or is another one.
        """
        found = self._arrays.get(name)
        if found is None:
            raise self.refuse(name, 'is missing')
        if found.dtype != np.dtype(dtype):
            raise self.refuse(name, f'holds {found.dtype} and not {np.dtype(dtype)}')
        wanted = tuple(-1 if each is None else each for each in shape)
        fits = len(wanted) == found.ndim and all(
            want in (-1, have) for want, have in zip(wanted, found.shape, strict=False)
        )
        if not fits:
            raise self.refuse(name, f'has the shape {found.shape} and not {wanted} (-1: any)')
        if found.dtype.kind == 'f':
            bad = np.isinf(found) if may_be_nan else ~np.isfinite(found)
            if bad.any():
                raise self.refuse(name, f'has {int(bad.sum())} numbers that are not finite')
        return found

    def ids(self, name: str) -> Any:
        """Return (n,) int64, none of them twice.

        Raises:
            SessionError: As in `get`, or one is there twice.
        """
        found = self.get(name, np.int64, (None,))
        if len(np.unique(found)) != len(found):
            raise self.refuse(name, 'has one twice')
        return found

    def poses(self, name: str, count: int) -> Any:
        """Return (count, 4, 4) float64, rigid transforms.

        Raises:
            SessionError: As in `get`, or one is no rigid transform.
        """
        found = self.get(name, np.float64, (count, 4, 4))
        for pose in found:
            problem = implausible(pose)
            if problem:
                raise self.refuse(name, f'is no place: {problem}')
        return found

    def pieces(
        self,
        name: str,
        dtype: Any,
        shape: Sequence[int | None],
        count: int,
        *,
        may_be_nan: bool = False,
    ) -> list[Any]:
        """Return arrays of different lengths that were stored one after the other.

        Args:
            name: Of their concatenation; `name.ends` says where each ends.
            dtype: As in `get`.
            shape: Of one of them, without its first axis.
            count: How many there must be.
            may_be_nan: As in `get`.

        Raises:
            SessionError: As in `get`.
        """
        every = self.get(name, dtype, (None, *shape), may_be_nan=may_be_nan)
        ends = self.get(f'{name}.ends', np.int64, (count,))
        starts = np.concatenate([np.zeros(1, np.int64), ends])
        if (np.diff(starts) < 0).any() or starts[-1] != len(every):
            raise self.refuse(f'{name}.ends', f'does not divide {len(every)} rows')
        return [every[start:end] for start, end in pairwise(starts)]


def put_together(
    name: str, pieces: Sequence[np.ndarray], dtype: Any, shape: Sequence[int]
) -> dict[str, np.ndarray]:
    """Return arrays of different lengths as `CheckedArrays.pieces` finds them.

    Args:
        name: Of their concatenation.
        pieces: Any number of them, none too.
        dtype: Of the concatenation.
        shape: Of one of them, without its first axis.
    """
    empty = np.zeros((0, *shape), dtype)
    return {
        name: np.concatenate([empty, *pieces]).astype(dtype, copy=False),
        f'{name}.ends': np.cumsum([len(each) for each in pieces], dtype=np.int64),
    }
