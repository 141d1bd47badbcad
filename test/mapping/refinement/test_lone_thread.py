from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from vggt_ros.mapping.refinement.lone_thread import compute_alone


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_one_thread_computes_alone_and_the_others_as_before(two_threads):
    with ThreadPoolExecutor(1, initializer=compute_alone) as alone:
        assert alone.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == 2
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 2
        assert alone.submit(torch.get_num_threads).result() == 1
