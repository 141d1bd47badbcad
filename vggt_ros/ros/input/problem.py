"""Problem: one line about what is wrong, with its place in the order of causes; for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
import re

_PROBLEM = re.compile(r'problem_[0-9]+')


class Cause(IntEnum):
    """What a problem is about, in the order of causes: what comes later may follow from it."""

    NODE = 0
    """There is none of that name, or it says nothing."""
    ERROR = 1
    """A transition or a callback failed."""
    INACTIVE = 2
    """The node runs and takes no images."""
    TOPIC = 3
    """Nothing can come: another type, no publisher, or none that can be heard."""
    CLOCK = 4
    """Simulated time without /clock; clocks that differ."""
    SILENCE = 5
    """There is a publisher, and it sends nothing."""
    PUBLISHERS = 6
    """Images of two cameras come as those of one."""
    IMAGES = 7
    """Images are refused: their size, encoding or stamps."""
    SIGHT = 8
    """Images show nothing that can be followed."""
    LOSS = 9
    """Many images are lost on their way."""
    SYNC = 10
    """Images of several cameras are not of the same moments."""
    NETWORK = 11
    """Windows fail, or the network hangs, lacks memory or is not trained."""
    CONFLICT = 12
    """Another node sends the transform that this node sends."""
    ODOMETRY = 13
    """Transforms cease, jump or cannot be used."""
    SCALE = 14
    """Depth or calibration do not count."""
    GRAVITY = 15
    """The IMU is not used: what it says cannot be, or nothing tells where it is."""
    QUALITY = 16
    """Numbers outside of their usual range, frames that were dropped, a few lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One line about what is wrong.

    Attributes:
        cause: What kind of problem it is.
        text: For people: the value, and the remedy.
        about: Topic or camera, as the text names it; empty for neither.
    """

    cause: Cause
    text: str
    about: str = ''

    def is_told_by(self, other: Problem) -> bool:
        """Return whether another line, perhaps of another node, tells the same."""
        if self.cause != other.cause:
            return False
        is_named = self.about and re.search(rf'{re.escape(self.about)}(?![\w/])', other.text)
        return bool(is_named) or self.text == other.text


def by_cause(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems with the cause before what follows from it."""
    return sorted(problems, key=lambda each: each.cause)


def problem_values(problems: Iterable[Problem]) -> dict[str, str]:
    """Return problems as keys and values of /diagnostics: `problem_0` is the first."""
    return {
        f'problem_{number}': f'{each.cause.name.lower()}: {each.text}'
        for number, each in enumerate(problems)
    }


def problems_of(values: Mapping[str, str]) -> list[Problem]:
    """Return the problems that `problem_values` wrote; of an unknown kind are the last."""
    found = []
    for key, value in values.items():
        if _PROBLEM.fullmatch(key):
            name, _, text = value.partition(': ')
            cause = Cause.__members__.get(name.upper(), Cause.QUALITY)
            found.append(Problem(cause=cause, text=text))
    return found
