import json
import logging
from pathlib import Path
import shutil
import subprocess
import sys

import pytest
import torch

from vggt_ros.inference.compiled_blocks import CompiledBlocks
from vggt_ros.inference.untrained import fill_untrained
from vggt_ros.model.vggt import VGGT

# PyTorch's compiler uses parts of PyTorch that PyTorch has deprecated.
pytestmark = pytest.mark.filterwarnings('ignore::DeprecationWarning:torch')


@pytest.fixture
def network(tiny_config):
    with torch.device('meta'):
        network = VGGT(tiny_config)
    fill_untrained(network)
    return network.requires_grad_(False).eval()


@pytest.mark.skipif(
    shutil.which('g++') is None and shutil.which('clang++') is None, reason='needs a C++ compiler'
)
def test_compiled_blocks_give_the_same_numbers_at_every_size_and_never_compile_again():
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name('compiled_run.py')],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found['is_ready'], done.stderr
    assert found['graphs'] > 0
    assert found['graphs_later'] == 0
    assert max(found['differences']) < 1e-5


def test_a_compiler_that_fails_is_reported_and_the_network_runs_as_it_is(network, caplog):
    images = torch.rand(1, 2, 3, 42, 56)
    compiled = CompiledBlocks(network)

    def fail():
        raise RuntimeError('no working compiler\nand many more lines')

    with torch.inference_mode(), caplog.at_level(logging.WARNING):
        expected = network(images, heads=['depth'])['depth']
        compiled.warm_up(fail)
        assert not compiled.is_ready
        with compiled.running():
            assert network(images, heads=['depth'])['depth'].equal(expected)
    assert 'model.compile is not used' in caplog.text
    assert 'no working compiler;' in caplog.text


def test_a_pytorch_that_is_too_old_is_told(network, caplog, monkeypatch):
    monkeypatch.delattr(torch.compiler, 'set_stance')
    compiled = CompiledBlocks(network)
    compiled.warm_up(lambda: pytest.fail('there is nothing to warm up'))
    assert not compiled.is_ready
    assert '2.6 and later' in caplog.text
