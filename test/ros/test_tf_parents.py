import numpy as np

from vggt_ros.ros import tf_parents
from vggt_ros.ros.tf_parents import TfParents


def test_a_second_parent_is_named_and_forgotten_when_it_has_gone(make_node, tree, monkeypatch):
    monkeypatch.setattr(tf_parents, '_FORGET_S', 0.5)
    parents = TfParents(make_node('listener'))
    assert parents.other_parent('odom', 'map') is None

    def hears(parent):
        def check():
            tree.moving(parent, 'odom', np.eye(4), 1)
            return parents.other_parent('odom', 'nobody') == parent

        return check

    assert make_node.spin(hears('map'))
    assert parents.other_parent('odom', 'map') is None
    assert make_node.spin(lambda: hears('world')() or parents.other_parent('odom', 'map'))
    assert parents.other_parent('odom', 'map') == 'world'
    assert make_node.spin(lambda: parents.other_parent('odom', 'map') is None, 3.0)


def test_a_static_parent_stays(make_node, tree, monkeypatch):
    monkeypatch.setattr(tf_parents, '_FORGET_S', 0.1)
    tree.static('base_link', 'camera', np.eye(4))
    parents = TfParents(make_node('listener'))
    assert make_node.spin(lambda: parents.other_parent('camera', 'map'))
    make_node.spin(lambda: False, 0.4)
    assert parents.other_parent('camera', 'map') == 'base_link'
