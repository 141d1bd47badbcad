from dataclasses import replace
import hashlib
from pathlib import Path
import re

import huggingface_hub
from huggingface_hub import constants
import pytest
from safetensors.torch import save_file
import torch

from vggt_ros.errors import (
    CheckpointCorruptError,
    CheckpointError,
    CheckpointKeysError,
    CheckpointNotFoundError,
    CheckpointUnreachableError,
)
from vggt_ros.inference import checkpoint as checkpoint_module
from vggt_ros.inference.checkpoint import load_network, UNTRAINED_NOTICE
from vggt_ros.inference.presets import NANO, NANO_WEIGHTS, Preset, PRESETS
from vggt_ros.inference.weights_file import save_network
from vggt_ros.model.vggt import VGGT

MAPS = Path('/proc/self/maps')


@pytest.fixture(scope='module')
def tiny(tiny_config):
    torch.manual_seed(1)
    return VGGT(tiny_config)


@pytest.fixture
def saved(tiny, tmp_path):
    path = tmp_path / 'tiny.safetensors'
    save_network(tiny, path)
    return path


@pytest.fixture
def presets(monkeypatch):
    """Let a test add presets."""

    def add(*more):
        known = {**PRESETS, **{preset.name: preset for preset in more}}
        monkeypatch.setattr(checkpoint_module, 'PRESETS', known)

    return add


@pytest.fixture
def tiny_is_default(monkeypatch, tiny_config):
    """Files that do not describe their network are taken for the tiny one, not for VGGT-1B."""
    monkeypatch.setattr(checkpoint_module, 'VGGT_1B', tiny_config)


def test_nano_is_in_the_package_and_says_that_it_is_for_demonstration():
    network, about = load_network('nano', offline=True)
    assert about.path == NANO_WEIGHTS
    assert about.network == network.config == NANO
    assert about.num_parameters == sum(p.numel() for p in network.parameters())
    assert about.is_trained
    assert 'demonstration' in about.notice


def test_nano_is_at_most_16_megabytes():
    assert NANO_WEIGHTS.stat().st_size <= 16_000_000


def test_weights_in_the_package_need_no_hub(presets, saved, tiny_config):
    presets(Preset(name='small', network=tiny_config, weights=saved, notice='a word'))
    _, about = load_network('small', offline=True)
    assert (about.path, about.is_trained, about.notice) == (saved, True, 'a word')


def test_a_file_written_here_loads_as_the_network_it_describes(tiny, saved):
    network, about = load_network(str(saved))
    assert network.config == tiny.config
    assert (about.path, about.is_trained, about.notice) == (saved, True, '')
    for name, value in tiny.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


def test_a_loaded_network_is_ready_to_run(saved):
    network, _ = load_network(str(saved))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    with torch.inference_mode():
        outputs = network(torch.rand(2, 3, 56, 56), torch.rand(3, 2) * 55)
    assert torch.isfinite(outputs['depth']).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_on_disk_becomes_float32(tiny, tmp_path, dtype):
    save_network(tiny, tmp_path / 'half.safetensors', dtype=dtype)
    network, _ = load_network(str(tmp_path / 'half.safetensors'))
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, tiny.state_dict()[name].to(dtype).float()), name


def test_a_file_marked_as_untrained_carries_the_warning(tiny, tmp_path):
    save_network(tiny, tmp_path / 'raw.safetensors', is_trained=False)
    _, about = load_network(str(tmp_path / 'raw.safetensors'))
    assert not about.is_trained
    assert about.notice == UNTRAINED_NOTICE


@pytest.mark.usefixtures('tiny_is_default')
@pytest.mark.parametrize('name', ['model.pt', 'model.pth', 'model.safetensors'])
def test_a_plain_state_dict_is_taken_for_the_default_network(tiny, tmp_path, name):
    path = tmp_path / name
    if path.suffix == '.safetensors':
        save_file(tiny.state_dict(), path)
    else:
        torch.save({'model': tiny.state_dict()}, path)
    network, about = load_network(str(path))
    assert about.network == tiny.config
    for key, value in tiny.state_dict().items():
        assert torch.equal(network.state_dict()[key], value), key


@pytest.mark.usefixtures('tiny_is_default')
@pytest.mark.skipif(not MAPS.exists(), reason='the system does not list what is mapped')
@pytest.mark.parametrize('name', ['mapped.pt', 'mapped.safetensors'])
def test_weights_are_mapped_from_the_file_instead_of_copied(tiny, tmp_path, name):
    path = tmp_path / name
    if path.suffix == '.safetensors':
        save_network(tiny, path)
    else:
        torch.save(tiny.state_dict(), path)
    network, _ = load_network(str(path))
    mapped = [
        tuple(int(end, 16) for end in line.split()[0].split('-'))
        for line in MAPS.read_text().splitlines()
        if line.endswith(str(path))
    ]
    for key, parameter in network.named_parameters():
        assert any(low <= parameter.data_ptr() < high for low, high in mapped), key


def test_the_released_tracker_file_keeps_its_own_network(tiny, presets, tmp_path):
    config = replace(tiny.config, track_head=replace(tiny.config.track_head, pos_embed=True))
    name = 'facebook/VGGT_tracker_fixed'
    presets(replace(PRESETS[name], network=config))
    path = tmp_path / PRESETS[name].filenames[0]
    torch.save(tiny.state_dict(), path)
    assert load_network(str(path))[0].config.track_head.pos_embed


@pytest.mark.usefixtures('tiny_is_default')
def test_missing_unexpected_and_misshapen_entries_are_counted_and_named(tiny, tmp_path):
    weights = dict(tiny.state_dict())
    del weights['camera_head.token_norm.weight']
    del weights['camera_head.token_norm.bias']
    weights['module.extra'] = torch.ones(1)
    weights['camera_head.embed_pose.weight'] = torch.ones(3, 2)
    torch.save(weights, tmp_path / 'model.pt')
    with pytest.raises(CheckpointKeysError) as caught:
        load_network(str(tmp_path / 'model.pt'))
    message = str(caught.value)
    assert '2 missing: camera_head.token_norm.weight, camera_head.token_norm.bias' in message
    assert '1 unexpected: module.extra' in message
    assert 'camera_head.embed_pose.weight (3, 2) instead of (32, 9)' in message
    assert 'VGGT-1B' in message


@pytest.mark.usefixtures('tiny_is_default')
def test_weights_that_are_not_real_numbers_are_refused(tiny, tmp_path):
    weights = {name: value.to(torch.int32) for name, value in tiny.state_dict().items()}
    torch.save(weights, tmp_path / 'model.pt')
    with pytest.raises(CheckpointKeysError, match=r'torch\.int32 instead of'):
        load_network(str(tmp_path / 'model.pt'))


def test_a_long_list_of_names_is_cut(tiny, tmp_path):
    torch.save(tiny.state_dict(), tmp_path / 'tiny.pt')
    with pytest.raises(CheckpointKeysError, match=r'\d+ missing: [^,]+, [^,]+, [^,]+, \.\.\.'):
        load_network(str(tmp_path / 'tiny.pt'))


def test_a_truncated_file_is_corrupt(saved):
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(CheckpointCorruptError, match='truncated'):
        load_network(str(saved))


@pytest.mark.parametrize('name', ['nowhere.safetensors', './nowhere', 'models/nowhere.pt'])
def test_a_path_that_does_not_exist_is_not_found_and_the_hub_is_not_asked(name, monkeypatch):
    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', None)
    with pytest.raises(CheckpointNotFoundError, match=re.escape(name.removeprefix('./'))):
        load_network(name)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointNotFoundError, match='is a folder'):
        load_network(str(tmp_path))


@pytest.mark.parametrize('name', ['nanoo', 'VGGT-1B', '', 'a/b/c', 'facebook/'])
def test_an_unknown_name_is_refused_with_the_names_there_are(name):
    with pytest.raises(CheckpointNotFoundError, match='nano, facebook/VGGT-1B'):
        load_network(name)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path / 'cache'))


@pytest.mark.usefixtures('empty_cache')
@pytest.mark.parametrize('name', ['facebook/VGGT-1B', 'somebody/else'])
def test_a_hub_checkpoint_that_is_not_cached_is_unreachable_offline(name):
    with pytest.raises(CheckpointUnreachableError, match=f'{name} is not in the cache'):
        load_network(name, offline=True)


@pytest.mark.usefixtures('empty_cache')
def test_a_hub_checkpoint_loads_from_what_was_downloaded(presets, saved, tiny_config, monkeypatch):
    asked = []

    def download(repo_id, filename):
        asked.append((repo_id, filename))
        return str(saved)

    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', False)
    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', download)
    presets(replace(PRESETS['facebook/VGGT-1B'], network=tiny_config))
    _, about = load_network('facebook/VGGT-1B')
    assert asked == [('facebook/VGGT-1B', 'model.safetensors')]
    assert about.is_trained
    assert 'non-commercial' in about.notice


def test_every_failure_is_a_checkpoint_error():
    for kind in (CheckpointNotFoundError, CheckpointKeysError, CheckpointUnreachableError):
        assert issubclass(kind, CheckpointError)


@pytest.mark.parametrize(
    'name',
    ['x' * 5_000, 'x' * 5_000 + '/y', '~nobody_has_this_name/a.pt', 'a\0b', 'a\nb', '/x' * 900],
)
def test_a_name_that_means_nothing_is_refused_in_a_few_words(name):
    with pytest.raises(CheckpointError) as caught:
        load_network(name, offline=True)
    assert len(str(caught.value)) < 1000


def test_a_file_with_another_hash_is_not_loaded(tmp_path):
    with pytest.raises(CheckpointCorruptError, match=r'model\.sha256'):
        load_network('nano', sha256='0' * 64)
    digest = hashlib.sha256(NANO_WEIGHTS.read_bytes()).hexdigest()
    assert load_network('nano', sha256=digest)[1].name == 'nano'
