import pytest
import torch
from torch.nn import functional

from vggt_ros.inference import cpu_products
from vggt_ros.inference.cpu_products import CpuProducts
from vggt_ros.model.config import NetworkConfig

CPU = torch.device('cpu')
SETTING = getattr(torch.backends.mkldnn, 'matmul', None)
pytestmark = pytest.mark.skipif(
    SETTING is None, reason='this PyTorch cannot choose who multiplies'
)


def timed(monkeypatch, default_s, onednn_s):
    """Let the default and oneDNN take the named times."""

    def product_s(tokens, matrix):
        return onednn_s if SETTING.fp32_precision == 'bf16' else default_s

    monkeypatch.setattr(cpu_products, '_product_s', product_s)


def rounding(monkeypatch):
    """Let oneDNN round as processors with units for bfloat16 do."""
    linear = functional.linear

    def rounded(x, weight, bias=None):
        if SETTING.fp32_precision == 'bf16':
            return linear(x.bfloat16(), weight.bfloat16()).float()
        return linear(x, weight, bias)

    monkeypatch.setattr(functional, 'linear', rounded)


def test_what_is_faster_and_exact_is_used_while_running_only(monkeypatch, tiny_config):
    timed(monkeypatch, 2.0, 1.0)
    monkeypatch.setattr(cpu_products, '_MAX_ERROR', 1.0)  # whatever this processor does
    products = CpuProducts(CPU, torch.float32, tiny_config.aggregator)
    assert products.uses_onednn
    before = SETTING.fp32_precision
    with products.running():
        assert SETTING.fp32_precision == 'bf16'
    assert SETTING.fp32_precision == before
    with pytest.raises(ZeroDivisionError), products.running():
        raise ZeroDivisionError
    assert SETTING.fp32_precision == before


def test_what_is_not_faster_is_not_used(monkeypatch, tiny_config):
    timed(monkeypatch, 1.0, 0.95)
    monkeypatch.setattr(cpu_products, '_MAX_ERROR', 1.0)
    products = CpuProducts(CPU, torch.float32, tiny_config.aggregator)
    assert not products.uses_onednn
    before = SETTING.fp32_precision
    with products.running():
        assert SETTING.fp32_precision == before


def test_what_rounds_to_bfloat16_is_not_used_however_fast(monkeypatch, tiny_config):
    timed(monkeypatch, 2.0, 1.0)
    rounding(monkeypatch)
    assert not CpuProducts(CPU, torch.float32, tiny_config.aggregator).uses_onednn


def test_float32_stays_float32_on_this_processor():
    products = CpuProducts(CPU, torch.float32, NetworkConfig().aggregator)
    x, matrix = torch.rand(100, 384), torch.rand(64, 384)
    with products.running():
        found = functional.linear(x, matrix)
    expected = x.double() @ matrix.double().T
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


@pytest.mark.parametrize(('device', 'dtype'), [('cuda', torch.float32), ('cpu', torch.bfloat16)])
def test_nothing_is_tried_for_other_devices_and_precisions(
    monkeypatch, tiny_config, device, dtype
):
    monkeypatch.setattr(cpu_products, '_product_s', lambda *_: pytest.fail('tried'))
    assert not CpuProducts(torch.device(device), dtype, tiny_config.aggregator).uses_onednn
