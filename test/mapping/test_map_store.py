import threading

import pytest

from vggt_ros.errors import SaveError
from vggt_ros.mapping import map_store
from vggt_ros.mapping.map_store import MapStore
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.mapping.session.session_folder import read_session
from vggt_ros.settings.live_config import LiveConfig


@pytest.fixture
def mapper(predictor, make_config, tmp_path):
    config = make_config(map__save_path=str(tmp_path / 'maps'), map__voxel_size=0.3)
    return Mapper(predictor, config, offline=True)


@pytest.fixture
def store(mapper):
    return MapStore(mapper._config, mapper.map, software='a test')


def add(mapper, make_frame, indices):
    for index in indices:
        mapper.add_frame(make_frame(index))
        while (window := mapper.wait_for_window(0.0)) is not None:
            mapper.process(window, Wanted(tracks=False))


def names(store):
    return {each.name for each in store.folder.iterdir()}


def test_a_saved_map_can_be_gone_on_with_and_latest_leads_to_it(store, mapper, make_frame):
    add(mapper, make_frame, range(9))
    saved = store.save(camera_frame='camera')
    assert len(read_session(saved.folder).submaps) == 2
    assert (saved.folder / 'map.ply').is_file()
    assert (store.folder / 'latest').resolve() == saved.folder
    files = [each for each in saved.folder.rglob('*') if each.is_file()]
    assert saved.num_bytes >= sum(each.stat().st_size for each in files)


def test_an_automatic_save_takes_the_place_of_the_one_before(store, mapper, make_frame):
    assert store.autosave() is None, 'there is nothing yet'
    add(mapper, make_frame, range(6))
    first = store.autosave()
    assert store.autosave() is None, 'nothing has changed'
    add(mapper, make_frame, range(6, 9))
    second = store.autosave()
    assert names(store) == {second.name, 'latest'}
    assert first.name != second.name
    assert len(read_session(store.folder / 'latest').submaps) == 2


def test_a_full_disk_leaves_the_last_automatic_save(store, mapper, make_frame, monkeypatch):
    add(mapper, make_frame, range(6))
    first = store.autosave()
    add(mapper, make_frame, range(6, 9))

    def full(*args, **kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(map_store, 'write_session', full)
    with pytest.raises(SaveError, match=r'No space left.*last one is still there'):
        store.autosave()
    assert names(store) == {first.name, 'latest'}
    assert len(read_session(store.folder / 'latest').submaps) == 1
    monkeypatch.undo()
    assert store.autosave() is not None, 'it is tried again'


def test_where_the_map_is_only_looked_at_nothing_is_saved(predictor, make_config, mapper):
    settings = {'mode': 'localization', 'map.load_path': '/a/map', 'refine.mode': 'verify'}
    store = MapStore(LiveConfig(make_config(**settings)), mapper.map, software='a test')
    for save in (store.autosave, lambda: store.save(camera_frame='')):
        with pytest.raises(SaveError, match='mode is localization'):
            save()


def test_what_was_left_of_both_kinds_is_removed(store):
    for name in ('.map.0123abcd.part', '.autosave.0123abcd.part', '.other.0123abcd.part'):
        (store.folder / name).mkdir(parents=True)
    (store.folder / '.latest.0123abcd').symlink_to('map')
    assert store.remove_leftovers() == 2
    assert names(store) == {'.other.0123abcd.part'}


def test_the_end_discards_what_does_not_get_ready(store, mapper, make_frame, monkeypatch):
    add(mapper, make_frame, range(6))
    began, go_on = threading.Event(), threading.Event()

    def slow(*args, **kwargs):
        began.set()
        go_on.wait(10.0)

    monkeypatch.setattr(map_store, 'write_session', slow)
    failures = []

    def save():
        try:
            store.autosave()
        except SaveError as error:
            failures.append(str(error))

    thread = threading.Thread(target=save)
    thread.start()
    assert began.wait(10.0)
    store.end(0.05)
    go_on.set()
    thread.join(10.0)
    assert len(failures) == 1
    assert names(store) == set()
