"""Sphinx configuration of the documentation site: `make site`; rosdoc2 reads it, too."""

from importlib.util import find_spec
from pathlib import Path
import re
import sys

HERE = Path(__file__).parent
# rosdoc2 builds a copy of this folder beside the package; the repository has it above.
sys.path.insert(0, str(HERE.parent))

project = 'vggt_ros'
author = 'vggt_ros contributors'
project_copyright = f'2026, {author}'
_init = HERE.parent / 'vggt_ros' / '__init__.py'
release = ''
if _init.is_file():
    release = re.search(r"__version__ = '([^']+)'", _init.read_text())[1]
version = release

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
source_suffix = {'.md': 'markdown'}
exclude_patterns = []

html_theme = 'sphinx_rtd_theme'
html_title = f'vggt_ros {release}'.strip()
html_show_sourcelink = False
html_copy_source = False
html_static_path = ['_static']
html_css_files = ['site.css']
# Nothing is loaded from elsewhere.
html_theme_options = {'navigation_depth': 3, 'collapse_navigation': False}

myst_enable_extensions = ['colon_fence', 'deflist']
# Links to headings, as GitHub makes them: mapping.md#the-tree.
myst_heading_anchors = 4

autodoc_member_order = 'bysource'
# Shapes and units are in the docstrings; annotations of arrays would repeat them in signatures.
autodoc_typehints = 'none'
# What the API imports and a machine that only builds pages may lack.
_HEAVY = ('PIL', 'cv2', 'gtsam', 'huggingface_hub', 'jaxtyping', 'matplotlib', 'safetensors')
_HEAVY += ('scipy', 'torch', 'tqdm')
autodoc_mock_imports = [name for name in _HEAVY if find_spec(name) is None]
napoleon_google_docstring = True
# Single backticks of docstrings are code, as in Markdown.
default_role = 'code'
napoleon_numpy_docstring = False
