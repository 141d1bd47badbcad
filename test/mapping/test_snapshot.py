from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted


def test_a_snapshot_stays_as_it_was_while_the_mapper_goes_on(predictor, make_config, make_frame):
    mapper = Mapper(predictor, make_config(), offline=True)
    snapshots = [mapper.snapshot()]
    for index in range(6):
        mapper.add_frame(make_frame(index))
    snapshots.append(mapper.snapshot())
    mapper.process(mapper.wait_for_window(0.0), Wanted(tracks=False))
    snapshots.append(mapper.snapshot())
    assert [each.state for each in snapshots] == ['waiting', 'buffering', 'tracking']
    assert [each.counts.frames_in for each in snapshots] == [0, 6, 6]
    assert [each.frames_pending for each in snapshots] == [0, 6, 0]
    assert [each.num_submaps for each in snapshots] == [0, 0, 1]
    assert snapshots[2].num_map_points > snapshots[1].num_map_points == 0
