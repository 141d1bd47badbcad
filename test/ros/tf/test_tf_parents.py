from vggt_ros.ros.tf.tf_parents import TfParents


def test_a_parent_is_named_with_its_sender_and_forgotten_when_it_has_gone(clock):
    parents = TfParents(clock=clock)
    assert parents.parent_of('odom') is None
    parents.note('odom', 'world', is_static=False, sender=b'one')
    found = parents.parent_of('odom')
    assert (found.frame, found.sender, found.is_static) == ('world', b'one', False)
    clock.now_s += 4.9
    parents.note('odom', 'map', is_static=False, sender=b'two')
    assert parents.parent_of('odom').frame == 'world'
    clock.now_s += 0.2
    assert parents.parent_of('odom').sender == b'two'
    clock.now_s += 5.0
    assert parents.parent_of('odom') is None


def test_a_static_parent_stays(clock):
    parents = TfParents(clock=clock)
    parents.note('camera', 'base_link', is_static=True)
    parents.note('camera', 'base_link', is_static=False)
    clock.now_s += 1000.0
    assert parents.parent_of('camera').is_static


def test_descendants_are_found_over_several_frames_and_circles(clock):
    parents = TfParents(clock=clock)
    for child, parent in [('cam', 'link'), ('link', 'base'), ('base', 'odom'), ('odom', 'base')]:
        parents.note(child, parent, is_static=child != 'base')
    assert parents.is_below('cam', 'odom')
    assert parents.is_below('cam', 'base')
    assert not parents.is_below('cam', 'map')
    assert not parents.is_below('unknown', 'odom')
    edges = [('link', 'cam'), ('base', 'link'), ('odom', 'base')]
    assert sorted(parents.path('cam', 'odom')) == sorted(edges)
    clock.now_s += 6.0
    assert not parents.is_below('cam', 'odom'), 'it is not sent any more'
    assert sorted(parents.path('cam', 'odom')) == sorted(edges), 'as it was'
    assert parents.path('cam', 'map') == []


def test_of_two_ways_up_the_one_that_is_still_sent_is_the_path(clock):
    parents = TfParents(clock=clock)
    parents.note('cam', 'old_base', is_static=False)
    parents.note('old_base', 'odom', is_static=True)
    clock.now_s += 6.0
    parents.note('cam', 'base', is_static=False)
    parents.note('base', 'odom', is_static=False)
    assert parents.path('cam', 'odom') == [('base', 'cam'), ('odom', 'base')]
