"""A session on a machine that is to be had for some minutes: steps, results, time left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import json
from pathlib import Path
import sys
import time
from typing import Any

Numbers = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to be found out.

    Attributes:
        part: `check`, `speed` or `train`.
        name: Unique in its part.
        run: Returns its numbers; `ok` among them if something can be wrong. Gets the seconds that
            are left.
        needs_s: Not begun with less time left.
    """

    part: str
    name: str
    run: Callable[[float], Numbers]
    needs_s: float = 10.0

    @property
    def key(self) -> str:
        """Part and name."""
        return f'{self.part}.{self.name}'


class Session:
    """Runs steps until the time is over; what is done is in a file and is not done again.

    So a session of half an hour can be had in pieces of ten minutes, in the same output folder.
    """

    def __init__(
        self, output: Path, minutes: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read what earlier pieces have done.

        Args:
            output: Folder; `results.jsonl` in it has a line for every step.
            minutes: Of this piece.
            clock: Seconds, monotonic.
        """
        output.mkdir(parents=True, exist_ok=True)
        self._path = output / 'results.jsonl'
        self._clock = clock
        self._end_s = clock() + 60.0 * minutes
        self.results: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                record = json.loads(line)
                self.results[record['step']] = record

    @property
    def left_s(self) -> float:
        """Seconds that are left of this piece."""
        return self._end_s - self._clock()

    def run(self, steps: Iterable[Step]) -> list[str]:
        """Run the steps that are not done yet; return the keys of those there was no time for."""
        late = []
        for step in steps:
            if step.key in self.results and not self.results[step.key].get('again', False):
                continue
            if self.left_s < step.needs_s:
                late.append(step.key)
                continue
            sys.stderr.write(f'{step.key}, {self.left_s:.0f} s left\n')
            self._keep(step.key, self._numbers(step))
        return late

    @property
    def is_ok(self) -> bool:
        """Whether nothing that was found out is wrong."""
        return all(record.get('ok', True) for record in self.results.values())

    def _numbers(self, step: Step) -> dict[str, Any]:
        start_s = self._clock()
        try:
            numbers = dict(step.run(self.left_s))
        except Exception as error:  # noqa: BLE001 - a step that fails must not end the session
            numbers = {'ok': False, 'error': f'{type(error).__name__}: {error}'[:500]}
        return numbers | {'took_s': round(self._clock() - start_s, 2)}

    def _keep(self, key: str, numbers: dict[str, Any]) -> None:
        record = {'step': key, **numbers}
        self.results[key] = record
        with self._path.open('a') as file:
            file.write(json.dumps(record) + '\n')
