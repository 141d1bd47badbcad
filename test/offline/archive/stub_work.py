"""Work that does what a job's name says; a module of its own, so that other processes find it."""

import os
from pathlib import Path
import time

from vggt_ros.offline.archive.job import Outcome


class StubWork:
    """Notes attempts and results as files of a folder."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def __call__(self, job):
        with (self.folder / 'attempts').open('a') as file:
            file.write(f'{job.name} {os.getpid()}\n')
        first = not (self.folder / f'{job.name}.begun').exists()
        (self.folder / f'{job.name}.begun').write_text(str(os.getpid()))
        if job.name.startswith('hang') and first:
            time.sleep(60.0)
        if job.name.startswith('raise'):
            raise RuntimeError(job.name)
        if job.name.startswith('bad'):
            return Outcome(error='no recording', is_final=True)
        with (self.folder / 'results').open('a') as file:
            file.write(f'{job.name}\n')
        return Outcome(num_frames=len(job.name))

    def close(self):
        with (self.folder / 'closed').open('a') as file:
            file.write(f'{os.getpid()}\n')


class NeverStarts(StubWork):
    """Work that cannot be unpickled."""

    def __reduce__(self):
        return os._exit, (7,)
