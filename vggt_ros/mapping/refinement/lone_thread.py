"""Torch on one thread of many."""

from __future__ import annotations

from threading import Thread

import torch


def compute_alone() -> None:
    """Let torch use no other threads for what the calling thread computes, from now on.

    Threads that share every small operation wait for each other at its end; where others, such
    as the network, want the same cores, they wait for long. Other threads, also those that begin
    later, keep the number they have.
    """
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    # That counts for this thread, for those to come, and for matrix products of all: a thread
    # of its own, whose number does not matter, takes the latter two back.
    restore = Thread(target=torch.set_num_threads, args=(num_threads,))
    restore.start()
    restore.join()
