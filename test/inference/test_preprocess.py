import json
from pathlib import Path

import numpy as np
from PIL import Image
import pytest
from safetensors import safe_open

from vggt_ros.errors import ConfigError, PredictionError, SourceError
from vggt_ros.inference.preprocess import load_images, plan_grid, resize

GOLDEN = Path(__file__).parents[1] / 'model' / 'data' / 'preprocess.safetensors'
NAMES = ('a_60x45', 'b_45x60', 'c_61x29_rgba', 'd_30x77', 'e_50x50_gray', 'f_1036x70')
CASES = [(mode, (name,)) for mode in ('crop', 'pad') for name in NAMES]
CASES.remove(('pad', ('d_30x77',)))
CASES += [('crop', ('a_60x45', 'd_30x77')), ('crop', ('a_60x45', 'c_61x29_rgba'))]


@pytest.fixture(scope='module')
def golden():
    with safe_open(GOLDEN, framework='numpy') as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()['full_shapes'])


@pytest.fixture(scope='module')
def folder(golden, tmp_path_factory):
    folder = tmp_path_factory.mktemp('images')
    for name in NAMES:
        Image.fromarray(golden[0][f'src.{name}']).save(folder / f'{name}.png')
    return folder


@pytest.mark.parametrize(('mode', 'names'), CASES)
def test_files_become_exactly_the_stored_images(golden, folder, mode, names):
    tensors, full_shapes = golden
    images = load_images([folder / f'{name}.png' for name in names], mode=mode)
    short = '_'.join(name[0] for name in names)
    key = f'{mode}.{names[0]}' if len(names) == 1 else f'{mode}.mixed_{short}'
    assert list(images.shape) == full_shapes[key]
    assert images.dtype == np.float32
    levels = np.round(images * 255).astype(np.uint8)
    np.testing.assert_array_equal(levels.astype(np.float32) / np.float32(255), images)
    np.testing.assert_array_equal(levels[:, :, ::5, ::5], tensors[key])
    mean = images.mean(axis=(2, 3), dtype=np.float64)
    np.testing.assert_allclose(mean, tensors[f'{key}.mean'], atol=1e-6)


@pytest.mark.parametrize(
    ('size', 'mode', 'model_size'),
    [
        ((640, 480), 'crop', (168, 126)),
        ((1280, 720), 'crop', (168, 98)),
        ((480, 640), 'crop', (168, 168)),
        ((640, 480), 'pad', (168, 168)),
        ((480, 640), 'pad', (168, 168)),
        ((4000, 200), 'crop', (168, 14)),
    ],
)
def test_the_grid_has_whole_patches_and_the_full_width_or_a_square(size, mode, model_size):
    grid = plan_grid(*size, 168, 14, mode)
    assert (grid.model_width, grid.model_height) == model_size
    assert (grid.image_width, grid.image_height) == size


def test_crop_keeps_the_middle_rows_of_a_tall_image():
    grid = plan_grid(100, 300, 140, 14, 'crop')
    # 100 x 300 becomes 140 x 420; rows 140 to 279 stay.
    assert (grid.offset_u, grid.offset_v) == (0, -140)
    image = np.zeros((300, 100, 3), dtype=np.uint8)
    image[120:180] = 255
    seen = resize(image, grid)
    assert seen.shape == (140, 140, 3)
    assert seen[60:80].min() == 255
    assert seen[[0, -1]].max() == 0


@pytest.mark.parametrize('size', [(320, 240), (240, 320), (200, 90)])
def test_pad_puts_the_whole_image_on_white_where_the_grid_says(size):
    width, height = size
    grid = plan_grid(width, height, 140, 14, 'pad')
    seen = resize(np.zeros((height, width, 3), dtype=np.uint8), grid)
    inside = grid.inside()
    assert inside.any()
    assert not inside.all()
    np.testing.assert_array_equal(seen[inside], 0)
    np.testing.assert_array_equal(seen[~inside], 255)


@pytest.mark.parametrize(
    ('size', 'mode'), [((320, 240), 'crop'), ((150, 300), 'crop'), ((200, 333), 'pad')]
)
def test_a_spot_in_the_image_appears_where_the_grid_maps_it(size, mode):
    width, height = size
    grid = plan_grid(width, height, 140, 14, mode)
    v, u = np.indices((height, width))
    spot = np.array([width * 0.62, height * 0.45])
    squared = (u - spot[0]) ** 2 + (v - spot[1]) ** 2
    image = np.repeat((200 * np.exp(-squared / 72))[..., None], 3, axis=-1).astype(np.uint8)
    seen = np.where(grid.inside(), resize(image, grid)[..., 0], 0).astype(np.float64)
    rows, columns = np.indices(seen.shape)
    center = np.array([(columns * seen).sum(), (rows * seen).sum()]) / seen.sum()
    np.testing.assert_allclose(center, grid.model_from_image(spot), atol=0.05)


def test_live_frames_and_files_give_the_same_numbers(golden, folder):
    image = golden[0]['src.a_60x45']
    seen = resize(image, plan_grid(60, 45, 518, 14, 'crop'))
    from_file = load_images([folder / 'a_60x45.png'])[0]
    np.testing.assert_array_equal(
        seen.transpose(2, 0, 1).astype(np.float32) / np.float32(255), from_file
    )


def test_no_paths_are_refused():
    with pytest.raises(PredictionError, match='at least one'):
        load_images([])


@pytest.mark.parametrize('mode', ['stretch', '', 'CROP'])
def test_an_unknown_mode_is_refused_with_the_modes_there_are(folder, mode):
    with pytest.raises(ConfigError, match='crop, pad'):
        load_images([folder / 'a_60x45.png'], mode=mode)


@pytest.mark.parametrize('image_size', [0, 13, 500])
def test_a_size_that_is_not_whole_patches_is_refused(image_size):
    with pytest.raises(ConfigError, match='multiple of the patch size 14'):
        plan_grid(640, 480, image_size, 14, 'crop')


@pytest.mark.parametrize('size', [(0, 10), (10, 0), (4000, 10)])
@pytest.mark.parametrize('mode', ['crop', 'pad'])
def test_an_image_without_a_whole_patch_is_refused(size, mode):
    with pytest.raises(PredictionError, match=r'empty|too narrow'):
        plan_grid(*size, 168, 14, mode)


def test_an_image_of_another_size_than_the_grid_is_refused():
    grid = plan_grid(64, 48, 140, 14, 'crop')
    with pytest.raises(PredictionError, match='48 x 64'):
        resize(np.zeros((64, 48, 3), dtype=np.uint8), grid)


def test_a_missing_file_and_a_file_that_is_no_image_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r'nowhere\.png'):
        load_images([tmp_path / 'nowhere.png'])
    (tmp_path / 'text.png').write_text('no pixels here')
    with pytest.raises(SourceError, match='cannot be read'):
        load_images([tmp_path / 'text.png'])
