from dataclasses import replace

import torch

from vggt_ros.model.track_head import TrackHead


def test_tracks_what_its_feature_extractor_sees(network, images):
    tokens = network.aggregator(images, network.config.layers_of('track'))
    queries = torch.tensor([[[5.0, 6.0]]])
    head = network.track_head
    expected = head.tracker(head.feature_extractor(tokens, (24, 32)), queries)
    found = head(tokens, (24, 32), queries)
    assert torch.equal(found.positions[-1], expected.positions[-1])


def test_confidence_can_be_left_out(config, network, images):
    head = TrackHead(config.aggregator, replace(config.track_head, predict_conf=False))
    tokens = network.aggregator(images, head.layers)
    assert head(tokens, (24, 32), torch.ones(1, 1, 2)).confidence is None
    assert not [name for name in head.state_dict() if 'conf_predictor' in name]
