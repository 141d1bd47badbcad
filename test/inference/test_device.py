import pytest
import torch

from vggt_ros.errors import DeviceError
from vggt_ros.inference.device import (
    device_name,
    precision_name,
    resolve_device,
    resolve_precision,
)


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that the machine has GPUs of these compute capabilities."""

    def pretend(*capabilities):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: bool(capabilities))
        monkeypatch.setattr(torch.cuda, 'device_count', lambda: len(capabilities))
        monkeypatch.setattr(
            torch.cuda, 'get_device_capability', lambda device: capabilities[device.index]
        )

    return pretend


def test_auto_is_the_cpu_without_a_gpu_and_the_first_gpu_with_one(gpus):
    gpus()
    assert resolve_device('auto') == torch.device('cpu')
    gpus((7, 5), (9, 0))
    assert resolve_device('auto') == torch.device('cuda', 0)


def test_a_gpu_can_be_chosen_by_its_number(gpus):
    gpus((7, 5), (9, 0))
    assert resolve_device('cuda') == torch.device('cuda', 0)
    assert resolve_device('cuda:1') == torch.device('cuda', 1)
    assert resolve_device('cpu') == torch.device('cpu')


def test_a_gpu_that_is_not_there_is_refused_with_those_that_are(gpus):
    gpus((7, 5), (9, 0))
    with pytest.raises(DeviceError, match='cuda:0 to cuda:1'):
        resolve_device('cuda:2')


@pytest.mark.parametrize('name', ['cuda', 'cuda:0'])
def test_cuda_without_a_gpu_is_refused_with_a_remedy(gpus, name):
    gpus()
    with pytest.raises(DeviceError, match='use device cpu or auto'):
        resolve_device(name)


@pytest.mark.parametrize('name', ['gpu', '', 'cuda:', 'cuda:x', 'cuda:-1', 'cpu:0', 'CUDA'])
def test_an_unknown_device_is_refused(gpus, name):
    gpus((8, 0))
    with pytest.raises(DeviceError, match='auto, cpu, cuda or cuda:N'):
        resolve_device(name)


@pytest.mark.parametrize(
    ('capability', 'dtype'),
    [((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)],
)
def test_auto_precision_follows_the_capability_of_the_gpu(gpus, capability, dtype):
    gpus(capability)
    assert resolve_precision('auto', torch.device('cuda', 0)) == dtype


def test_the_precision_is_that_of_the_chosen_gpu_not_of_the_first(gpus):
    gpus((7, 5), (9, 0))
    assert resolve_precision('auto', torch.device('cuda', 1)) == torch.bfloat16


def test_precision_on_the_cpu_is_fp32_unless_bf16_is_asked_for():
    cpu = torch.device('cpu')
    assert resolve_precision('auto', cpu) == torch.float32
    assert resolve_precision('fp32', cpu) == torch.float32
    assert resolve_precision('bf16', cpu) == torch.bfloat16


def test_fp16_on_the_cpu_is_refused_with_a_remedy():
    with pytest.raises(DeviceError, match='use fp32, bf16 or auto'):
        resolve_precision('fp16', torch.device('cpu'))


def test_bf16_on_a_gpu_without_its_units_is_refused_with_the_capability(gpus):
    gpus((7, 5))
    with pytest.raises(DeviceError, match=r'has 7\.5; use fp16'):
        resolve_precision('bf16', torch.device('cuda', 0))


@pytest.mark.parametrize('name', ['fp16', 'fp32'])
def test_an_explicit_precision_is_taken_on_any_gpu(gpus, name):
    gpus((9, 0))
    assert precision_name(resolve_precision(name, torch.device('cuda', 0))) == name


def test_an_unknown_precision_is_refused():
    with pytest.raises(DeviceError, match='auto, fp32, bf16, fp16'):
        resolve_precision('int8', torch.device('cpu'))


def test_a_device_has_a_name_for_people(monkeypatch):
    assert device_name(torch.device('cpu')) == 'cpu'
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda _: 'RTX')
    assert device_name(torch.device('cuda', 1)) == 'cuda:1 (RTX)'
