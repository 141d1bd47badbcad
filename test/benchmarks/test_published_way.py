import torch

from benchmarks.published_way import as_published
from vggt_ros.inference.checkpoint import load_network
from vggt_ros.inference.cpu_products import CpuProducts
from vggt_ros.model.config import AggregatorConfig


def test_the_published_way_gives_the_same_numbers_and_keeps_nothing():
    network, _ = load_network('nano')
    images = torch.rand(2, 3, 42, 56)
    with torch.inference_mode():
        with as_published():
            published = network(images, heads=['depth'])['depth']
            layers = network.aggregator(images[None], [1])
        assert len(network.depth_head._axis_tables) == 0
        assert published.equal(network(images, heads=['depth'])['depth'])
        assert len(network.depth_head._axis_tables) > 0
    assert sorted(layers) == list(range(network.config.aggregator.depth))


def test_products_are_those_of_pytorch_unless_asked_otherwise(monkeypatch):
    monkeypatch.setattr(CpuProducts, '_is_exact_and_faster', lambda *_: True)
    products = CpuProducts(torch.device('cpu'), torch.float32, AggregatorConfig())

    def setting():
        with products.running():
            return torch.backends.mkldnn.matmul.fp32_precision

    ours = setting()
    with as_published():
        assert setting() != ours
    with as_published(default_products=False):
        assert setting() == ours
