import pytest

from tools.page_snippets import commands, pages, snippets

PAGE = """# Title

```bash
ros2 topic list  # all of them
echo no program of ours
```

    vggt_ros doctor \\
        --seconds 3

```yaml
a: 1
```
"""


@pytest.fixture
def page(tmp_path):
    (tmp_path / 'docs' / 'inner').mkdir(parents=True)
    path = tmp_path / 'docs' / 'inner' / 'page.md'
    path.write_text(PAGE)
    return path


def test_pages_are_found_in_all_folders(page):
    assert pages(page.parents[2]) == [page]


def test_a_block_has_its_kind(page):
    assert [each.kind for each in snippets(page)] == ['bash', 'yaml', 'bash']


def test_commands_are_fenced_or_indented_whole_and_without_remarks(page):
    found = [' '.join(each.split()) for each in commands(page)]
    assert found == ['ros2 topic list', 'vggt_ros doctor --seconds 3']
