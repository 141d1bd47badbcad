import numpy as np
import pytest

from vggt_ros.ros.input.tones import Tones


@pytest.mark.parametrize(
    ('brightest', 'bits'), [(900, 10), (3021, 12), (4096, 14), (16384, 16), (65535, 16)]
)
def test_the_brightest_value_tells_the_bits(brightest, bits):
    lines = []
    values = np.array([[0, 7, brightest]], np.uint16)
    found = Tones(notice=lines.append).full_range(values)
    np.testing.assert_array_equal(found, values << (16 - bits))
    assert [f'{bits} bits' in line for line in lines] == ([] if bits == 16 else [True])


def test_an_image_that_is_darker_looks_darker():
    lines = []
    tones = Tones(notice=lines.append)
    tones.full_range(np.full((4, 4), 4000, np.uint16))
    dark = tones.full_range(np.full((4, 4), 40, np.uint16))
    assert (dark == 40 << 4).all()
    assert len(lines) == 1


def test_the_rows_of_an_image_are_read_by_all_of_it():
    image = np.array([[1, 2], [3, 4000]], np.uint16)
    assert Tones().full_range(image[:1], image).tolist() == [[1 << 4, 2 << 4]]


def test_chosen_bits_hold_and_what_is_brighter_is_white():
    found = Tones(12).full_range(np.array([[100, 5000]], np.uint16))
    assert found.tolist() == [[100 << 4, 4095 << 4]]


def test_numbers_without_a_meaning_are_gray_on_request_only():
    assert not Tones().takes('16UC1')
    tones = Tones(generic_as_gray=True)
    assert tones.takes('16UC1') and tones.takes('8UC1')
    assert not tones.takes('32FC1')


def test_thermal_values_are_stretched_and_stay_comparable(rng):
    lines = []
    tones = Tones(generic_as_gray=True, notice=lines.append)
    warm = np.linspace(29_000, 31_000, 64 * 64).reshape(64, 64).astype(np.uint16)
    gray = tones.gray(warm)
    assert gray.dtype == np.uint8
    assert 10 < gray[0, 0] < 35 and 220 < gray[-1, -1] < 245  # the margin is left for others
    assert np.abs(tones.gray(warm[16:32]).astype(int) - gray[16:32]).max() == 0
    assert len(lines) == 1
    tones.gray(warm + np.uint16(9000))
    assert len(lines) == 2


def test_infrared_of_8_bits_is_as_it_is(rng):
    image = rng.integers(0, 256, (6, 5), dtype=np.uint8)
    np.testing.assert_array_equal(Tones(generic_as_gray=True).gray(image), image)
