from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.inference import backbones
from vggt_ros.inference.backbone import Backbone, Capabilities, Predicts
from vggt_ros.inference.backbones import backbone_names, ENTRY_POINTS, load_backbone
from vggt_ros.settings.config import ModelSettings


@dataclass
class Stranger:
    """A backbone of another package."""

    settings: ModelSettings
    capabilities = Capabilities(license='MIT')
    description = 'stranger'

    def encode(self, frame_id, image):
        pass

    def predict(self, images, request, *, frame_ids=None):
        return None

    def park(self):
        pass

    def unpark(self):
        pass

    def close(self):
        pass


NOT_CALLABLE = 3


def empty(settings):
    return object()


@pytest.fixture
def registered(monkeypatch):
    """What another package would have in its metadata."""

    def register(name, target):
        point = EntryPoint(name=name, value=f'{__name__}:{target}', group=ENTRY_POINTS)
        monkeypatch.setattr(EntryPoint, 'load', lambda self: globals()[target])
        monkeypatch.setattr(
            backbones, 'entry_points', lambda group: [point] if group == ENTRY_POINTS else []
        )

    return register


def test_vggt_is_a_backbone_that_says_what_it_can():
    found = load_backbone(ModelSettings(checkpoint='nano', device='cpu'))
    assert isinstance(found, Backbone)
    assert isinstance(found, Predicts)
    assert found.capabilities == Capabilities(
        follows_points=True, encodes_on_arrival=True, license='Apache-2.0'
    )


def test_another_package_brings_one(registered):
    registered('stranger', 'Stranger')
    assert backbone_names() == ('stranger', 'vggt')
    found = load_backbone(ModelSettings(backbone='stranger', device='cpu'))
    assert isinstance(found, Backbone)
    assert found.settings.device == 'cpu'


def test_the_names_of_the_package_are_its_own(registered):
    registered('vggt', 'Stranger')
    found = load_backbone(ModelSettings(checkpoint='nano', device='cpu'))
    assert not isinstance(found, Stranger)


def test_an_unknown_name_is_refused_with_those_that_are_known(registered):
    registered('stranger', 'Stranger')
    with pytest.raises(ConfigError, match=r"'strnger' is not known; known are stranger, vggt"):
        load_backbone(ModelSettings(backbone='strnger'))


def test_what_is_no_backbone_is_refused(registered):
    registered('empty', 'empty')
    with pytest.raises(ConfigError, match='object without capabilities, description'):
        load_backbone(ModelSettings(backbone='empty'))
    registered('number', 'NOT_CALLABLE')
    with pytest.raises(ConfigError, match='cannot be called'):
        load_backbone(ModelSettings(backbone='number'))


def test_a_package_that_cannot_be_imported_is_named(registered, monkeypatch):
    registered('broken', 'Stranger')

    def fail(self):
        raise ImportError('no module named there')

    monkeypatch.setattr(EntryPoint, 'load', fail)
    with pytest.raises(ConfigError, match='cannot be imported: no module named there'):
        load_backbone(ModelSettings(backbone='broken'))
