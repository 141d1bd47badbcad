from vggt_ros.ros.tf_parents import TfParents


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def test_a_second_parent_is_named_and_forgotten_when_it_has_gone():
    clock = Clock()
    parents = TfParents(clock=clock)
    assert parents.other_parent('odom', 'map') is None
    parents.note('odom', 'map', is_static=False)
    assert parents.other_parent('odom', 'map') is None
    parents.note('odom', 'world', is_static=False)
    assert parents.other_parent('odom', 'map') == 'world'
    clock.now_s += 4.9
    parents.note('odom', 'map', is_static=False)
    assert parents.other_parent('odom', 'map') == 'world'
    clock.now_s += 0.2
    assert parents.other_parent('odom', 'map') is None
    assert parents.other_parent('odom', 'world') == 'map'


def test_a_static_parent_stays():
    clock = Clock()
    parents = TfParents(clock=clock)
    parents.note('camera', 'base_link', is_static=True)
    parents.note('camera', 'base_link', is_static=False)
    clock.now_s += 1000.0
    assert parents.other_parent('camera', 'map') == 'base_link'


def test_descendants_are_found_over_several_frames_and_circles():
    clock = Clock()
    parents = TfParents(clock=clock)
    for child, parent in [('cam', 'link'), ('link', 'base'), ('base', 'odom'), ('odom', 'base')]:
        parents.note(child, parent, is_static=child != 'base')
    assert parents.is_below('cam', 'odom')
    assert parents.is_below('cam', 'base')
    assert not parents.is_below('cam', 'map')
    assert not parents.is_below('unknown', 'odom')
    clock.now_s += 6.0
    assert not parents.is_below('cam', 'odom'), 'it is not sent any more'
