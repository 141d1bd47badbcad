from vggt_ros.synthetic.held_out import HELD_OUT_SEEDS


def test_the_held_out_seeds_stay_what_published_numbers_were_measured_on():
    assert (HELD_OUT_SEEDS.start, HELD_OUT_SEEDS.stop) == (900_000, 1_000_000)
