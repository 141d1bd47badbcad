"""Compiles the blocks of nano and compares; prints what it found as JSON.

A process of its own: the type checker of the tests cannot be compiled.
"""

import json
import sys

import torch

from vggt_ros.inference.checkpoint import load_network
from vggt_ros.inference.compiled_blocks import CompiledBlocks


def num_graphs():
    return torch._dynamo.utils.counters['stats']['unique_graphs']


def difference(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def main():
    network = load_network('nano')[0]
    images = torch.rand(1, 3, 3, 42, 56, generator=torch.Generator().manual_seed(1))
    lower, single = images[:, :, :, :28], images[:, :1]

    def run(some):
        return network(some, heads=['depth'])['depth']

    with torch.inference_mode():
        expected = [run(some) for some in (images, lower, single)]
        compiled = CompiledBlocks(network)
        compiled.warm_up(lambda: run(images))
        made = num_graphs()
        with compiled.running():
            found = [run(some) for some in (images, lower, single)]
    json.dump(
        {
            'is_ready': compiled.is_ready,
            'graphs': made,
            'graphs_later': num_graphs() - made,
            'differences': [difference(a, b) for a, b in zip(found, expected, strict=True)],
        },
        sys.stdout,
    )


if __name__ == '__main__':
    main()
