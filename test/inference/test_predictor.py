from copy import deepcopy
from dataclasses import replace
import logging

import numpy as np
import pytest
import torch

from vggt_ros.errors import ConfigError, DeviceError, PredictionError
from vggt_ros.inference.checkpoint import Checkpoint, load_network
from vggt_ros.inference.prediction import Request
from vggt_ros.inference.predictor import Predictor
from vggt_ros.inference.preprocess import plan_grid, resize
from vggt_ros.inference.untrained import fill_untrained
from vggt_ros.inference.weights_file import save_network
from vggt_ros.model.pose_encoding import decode_pose_encoding
from vggt_ros.model.vggt import VGGT
from vggt_ros.settings.config import ModelSettings

CPU = torch.device('cpu')


def untrained(config):
    with torch.device('meta'):
        network = VGGT(config)
    fill_untrained(network)
    return network.eval()


def predictor_of(network, **arguments):
    about = Checkpoint(
        name='tiny',
        path=None,
        network=network.config,
        num_parameters=1,
        is_trained=True,
        notice='',
    )
    return Predictor(network, about, **{'device': CPU, 'precision': torch.float32, **arguments})


def random_images(count, width, height, seed=0):
    random = np.random.default_rng(seed)
    return list(random.integers(0, 256, (count, height, width, 3), dtype=np.uint8))


@pytest.fixture(scope='module')
def tiny(tiny_config):
    return untrained(tiny_config)


@pytest.fixture(scope='module')
def predictor(tiny):
    return predictor_of(tiny)


QUERIES = np.array([[3.0, 5.0], [100.5, 62.0], [127.0, 95.0]], dtype=np.float32)


@pytest.fixture(scope='module')
def prediction(predictor):
    return predictor.predict(
        random_images(3, 128, 96), Request(query_points=QUERIES, point_head=True)
    )


def test_a_prediction_is_the_plain_forward_pass_and_the_decoded_pose(tiny, prediction):
    grid = plan_grid(128, 96, 56, 14, 'crop')
    seen = np.stack([resize(image, grid) for image in random_images(3, 128, 96)])
    images = torch.from_numpy(seen.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
    queries = torch.from_numpy(grid.model_from_image(QUERIES.astype(np.float64))).float()
    with torch.inference_mode():
        outputs = tiny(images, queries)
    cam_from_world, K = decode_pose_encoding(outputs['pose_enc'][0], (42, 56))

    def same(found, expected, tolerance=1e-6):
        np.testing.assert_allclose(found, expected.numpy(), atol=tolerance, rtol=1e-5)

    assert prediction.grid == grid
    np.testing.assert_array_equal(prediction.images, seen)
    same(prediction.depth, outputs['depth'][0, ..., 0])
    same(prediction.depth_conf, outputs['depth_conf'][0])
    same(prediction.points_in_world, outputs['world_points'][0])
    same(prediction.points_conf, outputs['world_points_conf'][0])
    same(prediction.tracks.positions, outputs['track'][0], 1e-4)
    same(prediction.tracks.visibility, outputs['vis'][0])
    same(prediction.tracks.confidence, outputs['conf'][0])
    same(prediction.cam_from_world[:, :3], cam_from_world)
    same(prediction.K_model, K, 1e-3)


def test_camera_poses_are_rigid_in_double_precision(prediction):
    R = prediction.cam_from_world[:, :3, :3]
    assert R.dtype == np.float64
    np.testing.assert_allclose(R @ R.transpose(0, 2, 1), np.tile(np.eye(3), (3, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(R), 1.0, atol=1e-12)
    np.testing.assert_array_equal(prediction.cam_from_world[:, 3], [[0, 0, 0, 1]] * 3)


def test_both_intrinsics_project_a_point_to_the_same_place(prediction):
    point = np.array([0.2, -0.1, 1.3])
    uv_model = (prediction.K_model @ point)[:, :2] / point[2]
    uv_image = (prediction.K_image @ point)[:, :2] / point[2]
    np.testing.assert_allclose(prediction.grid.model_from_image(uv_image), uv_model, atol=1e-9)
    # The model sees 56 of 128 columns: focal lengths differ by that much.
    np.testing.assert_allclose(
        prediction.K_image[:, 0, 0], prediction.K_model[:, 0, 0] * 128 / 56, rtol=1e-12
    )


def test_a_track_starts_at_its_query_point(prediction):
    expected = prediction.grid.model_from_image(QUERIES.astype(np.float64))
    np.testing.assert_allclose(prediction.tracks.positions[0], expected, atol=1e-4)


def test_arrays_are_contiguous_and_of_the_documented_types(prediction):
    for name in ('depth', 'depth_conf', 'points_in_world', 'points_conf'):
        array = getattr(prediction, name)
        assert array.dtype == np.float32
        assert array.flags.c_contiguous, name


def test_only_what_is_asked_for_is_computed(predictor):
    prediction = predictor.predict(random_images(2, 128, 96))
    assert prediction.points_in_world is None
    assert prediction.points_conf is None
    assert prediction.tracks is None
    assert prediction.depth.shape == (2, 42, 56)


def test_depth_and_cameras_do_not_depend_on_what_else_is_asked_for(predictor, prediction):
    plain = predictor.predict(random_images(3, 128, 96))
    np.testing.assert_allclose(plain.depth, prediction.depth, atol=1e-6)
    np.testing.assert_allclose(plain.cam_from_world, prediction.cam_from_world, atol=1e-6)


def test_no_query_points_give_no_tracks(predictor):
    request = Request(query_points=np.zeros((0, 2), dtype=np.float32))
    tracks = predictor.predict(random_images(2, 128, 96), request).tracks
    assert tracks.positions.shape == (2, 0, 2)
    assert tracks.visibility.shape == tracks.confidence.shape == (2, 0)


def test_one_image_is_enough(predictor):
    assert predictor.predict(random_images(1, 128, 96)).depth.shape == (1, 42, 56)


def test_the_same_images_give_the_same_numbers_in_a_predictor_loaded_anew():
    images = random_images(2, 64, 48)
    first, second = (
        Predictor.load(ModelSettings(checkpoint='nano', device='cpu')).predict(images)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.depth, second.depth)
    np.testing.assert_array_equal(first.cam_from_world, second.cam_from_world)


def test_pad_mode_shows_the_whole_image_on_a_square(tiny):
    predictor = predictor_of(tiny, resize_mode='pad')
    prediction = predictor.predict(random_images(1, 60, 120))
    assert prediction.images.shape == (1, 56, 56, 3)
    np.testing.assert_array_equal(prediction.images[0][~prediction.grid.inside()], 255)


def test_the_image_size_can_be_larger_than_the_network_was_trained_with(tiny):
    predictor = predictor_of(tiny, image_size=112)
    assert predictor.grid(128, 96).model_width == 112
    assert predictor.predict(random_images(1, 128, 96)).depth.shape == (1, 84, 112)


@pytest.mark.parametrize('image_size', [13, 100])
def test_an_image_size_of_broken_patches_is_refused_while_loading(tiny, image_size):
    with pytest.raises(ConfigError, match='multiple of the patch size 14'):
        predictor_of(tiny, image_size=image_size)


def test_a_network_without_depth_is_refused_while_loading(tiny_config):
    network = untrained(replace(tiny_config, enable_depth=False))
    with pytest.raises(ConfigError, match='no depth head'):
        predictor_of(network)


def test_half_precision_touches_the_backbone_only(tiny, prediction):
    predictor = predictor_of(deepcopy(tiny), precision=torch.bfloat16)
    half = predictor.predict(
        random_images(3, 128, 96), Request(query_points=QUERIES, point_head=True)
    )
    assert half.depth.dtype == np.float32
    assert not np.array_equal(half.depth, prediction.depth)
    np.testing.assert_allclose(half.depth, prediction.depth, rtol=0.02)
    # Heads in bfloat16 would leave 8 bits of mantissa, and of these values few distinct ones.
    assert len(np.unique(half.depth)) > half.depth.size / 2


def test_no_images_are_refused(predictor):
    with pytest.raises(PredictionError, match='at least one'):
        predictor.predict([])


def test_images_of_different_sizes_are_refused(predictor):
    with pytest.raises(PredictionError, match='image 1 has 64 x 96 pixels, image 0 has 128 x 96'):
        predictor.predict([*random_images(1, 128, 96), *random_images(1, 64, 96)])


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((96, 128, 3), dtype=np.float32),
        np.zeros((96, 128), dtype=np.uint8),
        np.zeros((96, 128, 4), dtype=np.uint8),
    ],
)
def test_anything_but_rgb_bytes_is_refused(predictor, image):
    with pytest.raises(PredictionError, match='uint8, RGB'):
        predictor.predict([image])


@pytest.mark.parametrize('uv', [(-1.0, 5.0), (5.0, 96.0), (128.0, 0.0), (np.nan, 1.0)])
def test_query_points_outside_the_image_are_refused_with_the_range(predictor, uv):
    request = Request(query_points=np.array([[5.0, 5.0], uv], dtype=np.float32))
    with pytest.raises(PredictionError, match=r'the first is 1 .*u in -0\.5\.\.127\.5 and v in'):
        predictor.predict(random_images(2, 128, 96), request)


def test_query_points_in_rows_that_were_cropped_are_refused(predictor):
    request = Request(query_points=np.array([[5.0, 1.0]], dtype=np.float32))
    with pytest.raises(PredictionError, match='outside of what the network sees'):
        predictor.predict(random_images(1, 64, 128), request)


def test_an_image_too_narrow_for_the_network_is_refused(predictor):
    with pytest.raises(PredictionError, match='too narrow'):
        predictor.predict(random_images(1, 400, 20))


def with_weight(config, name, value):
    network = untrained(config)
    with torch.no_grad():
        network.get_parameter(name).copy_(value)
    return predictor_of(network)


@pytest.mark.parametrize(
    ('name', 'what'),
    [
        ('depth_head.scratch.output_conv2.2.bias', 'depth is not finite'),
        ('camera_head.pose_branch.fc2.bias', 'camera poses is not finite'),
    ],
)
def test_an_answer_that_is_not_finite_is_refused(tiny_config, name, what):
    predictor = with_weight(tiny_config, name, torch.tensor(float('nan')))
    with pytest.raises(PredictionError, match=what):
        predictor.predict(random_images(1, 128, 96))


def test_a_camera_without_a_field_of_view_is_refused(tiny_config):
    bias = torch.tensor([0.0, 0, 0, 0, 0, 0, 1, -1, -1])
    predictor = with_weight(tiny_config, 'camera_head.pose_branch.fc2.bias', bias)
    with pytest.raises(PredictionError, match=r'field of view of 0\.00 degrees in frame 0'):
        predictor.predict(random_images(1, 128, 96))


def test_a_camera_without_a_rotation_is_refused(tiny_config):
    network = untrained(tiny_config)
    with torch.no_grad():
        network.camera_head.pose_branch.fc2.weight.zero_()
        network.camera_head.pose_branch.fc2.bias[6] = 0.0
    with pytest.raises(PredictionError, match='no rotation for frame 0'):
        predictor_of(network).predict(random_images(1, 128, 96))


def test_a_parked_predictor_refuses_until_it_is_unparked(tiny):
    predictor = predictor_of(tiny)
    before = predictor.predict(random_images(1, 128, 96))
    predictor.park()
    predictor.park()
    with pytest.raises(PredictionError, match='unpark'):
        predictor.predict(random_images(1, 128, 96))
    predictor.unpark()
    predictor.unpark()
    after = predictor.predict(random_images(1, 128, 96))
    np.testing.assert_array_equal(after.depth, before.depth)


def test_a_closed_predictor_refuses_and_can_be_closed_again(tiny):
    predictor = predictor_of(tiny)
    predictor.close()
    predictor.close()
    predictor.park()
    with pytest.raises(PredictionError, match='closed'):
        predictor.predict(random_images(1, 128, 96))
    with pytest.raises(PredictionError, match='closed'):
        predictor.unpark()


def test_memory_that_does_not_suffice_while_predicting_is_explained(tiny, monkeypatch):
    def run_out(*arguments, **options):
        raise torch.cuda.OutOfMemoryError('tried to allocate 20 GiB')

    predictor = predictor_of(tiny)
    monkeypatch.setattr(VGGT, 'decode', run_out)
    with pytest.raises(PredictionError, match=r'20 GiB; lower window\.size'):
        predictor.predict(random_images(2, 128, 96))


def test_weights_that_do_not_fit_into_the_device_are_explained(tiny, monkeypatch):
    predictor = predictor_of(tiny)
    predictor.park()
    tries = []

    def run_out(network, device):
        tries.append(device)
        if len(tries) == 1:
            raise torch.cuda.OutOfMemoryError('tried to allocate 20 GiB')
        return network

    monkeypatch.setattr(VGGT, 'to', run_out)
    with pytest.raises(DeviceError, match=r'do not fit into the memory of cpu: .*20 GiB'):
        predictor.unpark()


def loaded(caplog, checkpoint):
    """Load a checkpoint; return the predictor and the record that was logged about it."""
    with caplog.at_level(logging.INFO):
        predictor = Predictor.load(ModelSettings(checkpoint=checkpoint, device='cpu'))
    (record,) = [r for r in caplog.records if r.name == 'vggt_ros.inference.predictor']
    return predictor, record


def test_loading_untrained_weights_warns_that_their_geometry_means_nothing(tiny, tmp_path, caplog):
    save_network(tiny, tmp_path / 'raw.safetensors', is_trained=False)
    predictor, record = loaded(caplog, str(tmp_path / 'raw.safetensors'))
    assert record.levelno == logging.WARNING
    assert 'means nothing' in record.getMessage()
    assert not predictor.description.is_trained


def test_loading_nano_says_that_it_is_for_demonstration(caplog):
    predictor, record = loaded(caplog, 'nano')
    assert 'demonstration model' in record.getMessage()
    assert predictor.description.is_trained


def test_loading_takes_device_precision_size_and_mode_from_the_settings(tiny, tmp_path):
    save_network(tiny, tmp_path / 'tiny.safetensors')
    predictor = Predictor.load(
        ModelSettings(
            checkpoint=str(tmp_path / 'tiny.safetensors'),
            device='cpu',
            precision='bf16',
            image_size=112,
            resize_mode='pad',
        )
    )
    description = predictor.description
    assert (description.device, description.precision) == ('cpu', 'bf16')
    assert (description.image_size, description.is_trained) == (112, True)
    assert predictor.grid(100, 50).model_height == 112


def test_a_precision_the_device_lacks_is_refused_before_weights_are_read():
    settings = ModelSettings(checkpoint='/no/such/file.pt', device='cpu', precision='fp16')
    with pytest.raises(DeviceError, match='fp16'):
        Predictor.load(settings)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('precision', ['fp32', 'bf16', 'fp16'])
def test_a_gpu_gives_the_numbers_of_the_cpu_and_frees_its_memory_when_parked(precision):
    images = random_images(3, 320, 240)
    request = Request(query_points=np.array([[9.0, 9.0]], dtype=np.float32), point_head=True)
    on_cpu = predictor_of(load_network('nano')[0]).predict(images, request)
    before = torch.cuda.memory_allocated()
    predictor = Predictor.load(
        ModelSettings(checkpoint='nano', device='cuda', precision=precision)
    )
    on_gpu = predictor.predict(images, request)
    tolerance = 2e-3 if precision == 'fp32' else 0.05
    np.testing.assert_allclose(on_gpu.depth, on_cpu.depth, rtol=tolerance)
    np.testing.assert_allclose(on_gpu.cam_from_world, on_cpu.cam_from_world, atol=tolerance)
    predictor.park()
    weights = 4 * predictor.description.num_parameters
    assert torch.cuda.memory_allocated() - before < 0.2 * weights
    predictor.unpark()
    np.testing.assert_allclose(
        predictor.predict(images, request).depth, on_gpu.depth, rtol=tolerance
    )


STREAM = random_images(11, 128, 96, seed=5)


def assert_same_numbers(found, expected, frames):
    """Equal to 1e-4 of the largest number, wherever dense maps were asked for."""
    for name in ('depth', 'depth_conf', 'points_in_world', 'points_conf'):
        a, b = getattr(found, name)[list(frames)], getattr(expected, name)[list(frames)]
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max(), rtol=0, err_msg=name)
    for name in ('cam_from_world', 'K_model', 'K_image'):
        a, b = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max(), rtol=0, err_msg=name)
    np.testing.assert_allclose(found.tracks.positions, expected.tracks.positions, atol=1e-2)


@pytest.mark.parametrize('overlap', range(1, 8))
def test_a_stream_gets_the_numbers_of_plain_passes_at_every_overlap(tiny, overlap):
    predictor = predictor_of(tiny)
    for start in range(0, len(STREAM) - 7, 8 - overlap):
        ids = list(range(start, start + 8))
        images = STREAM[start : start + 8]
        dense = (0, *range(overlap, 8))
        for i in range(overlap, 8):
            predictor.encode(ids[i], images[i])
        streamed = predictor.predict(
            images,
            Request(query_points=QUERIES, point_head=True, depth_frames=dense),
            frame_ids=ids,
        )
        plain = predictor.predict(images, Request(query_points=QUERIES, point_head=True))
        assert_same_numbers(streamed, plain, dense)
        skipped = [i for i in range(8) if i not in dense]
        assert np.isnan(streamed.depth[skipped]).all()
        assert np.isnan(streamed.points_in_world[skipped]).all()


def count_encoded(monkeypatch, network):
    counts = []
    encode = network.aggregator.encode

    def counting(images):
        counts.append(len(images))
        return encode(images)

    monkeypatch.setattr(network.aggregator, 'encode', counting)
    return counts


def test_every_frame_is_encoded_once(tiny, monkeypatch):
    predictor = predictor_of(tiny)
    counts = count_encoded(monkeypatch, tiny)
    predictor.encode(0, STREAM[0])
    predictor.encode(0, STREAM[0])
    predictor.predict(STREAM[:4], frame_ids=[0, 1, 2, 3])
    predictor.predict(STREAM[2:6], frame_ids=[2, 3, 4, 5])
    assert counts == [1, 3, 2]


def test_tokens_of_a_camera_that_changed_its_size_are_not_used(tiny, monkeypatch):
    predictor = predictor_of(tiny)
    predictor.encode(0, STREAM[0])
    counts = count_encoded(monkeypatch, tiny)
    predictor.predict(random_images(1, 64, 48), frame_ids=[0])
    assert counts == [1]


def test_without_a_cache_every_window_is_encoded_anew(tiny, monkeypatch):
    predictor = predictor_of(tiny, token_cache=0)
    counts = count_encoded(monkeypatch, tiny)
    for _ in range(2):
        predictor.predict(STREAM[:2], frame_ids=[0, 1])
    assert counts == [2, 2]


def test_a_parked_predictor_keeps_no_tokens(tiny, monkeypatch):
    predictor = predictor_of(tiny)
    predictor.encode(0, STREAM[0])
    predictor.park()
    with pytest.raises(PredictionError, match='parked'):
        predictor.encode(1, STREAM[1])
    predictor.unpark()
    counts = count_encoded(monkeypatch, tiny)
    predictor.predict(STREAM[:1], frame_ids=[0])
    assert counts == [1]


def test_frame_ids_have_to_name_every_image(predictor):
    with pytest.raises(PredictionError, match='2 frame ids do not name 3 images'):
        predictor.predict(STREAM[:3], frame_ids=[0, 1])


def test_an_image_that_cannot_be_used_is_not_encoded(predictor):
    with pytest.raises(PredictionError, match='uint8'):
        predictor.encode(0, STREAM[0].astype(np.float32))
