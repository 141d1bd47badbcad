"""Package metadata: the one source of it, read by pip and by colcon."""

from pathlib import Path
import re

from setuptools import find_packages, setup

NAME = 'vggt_ros'
ROOT = Path(__file__).parent


def version() -> str:
    """Return `__version__` without importing the package."""
    found = re.search(r"__version__ = '([^']+)'", (ROOT / NAME / '__init__.py').read_text())
    assert found is not None, 'vggt_ros/__init__.py has no __version__'
    return found.group(1)


def shared(folder: str, pattern: str = '*') -> tuple[str, list[str]]:
    """Return a data_files entry that installs a folder's files to share/vggt_ros/<folder>."""
    files = sorted(str(p.relative_to(ROOT)) for p in (ROOT / folder).glob(pattern) if p.is_file())
    return f'share/{NAME}/{folder}', files


setup(
    name=NAME,
    version=version(),
    description='Dense 3D maps, camera poses and point tracks from plain cameras, with VGGT',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE', 'NOTICE'],
    # No address and no url: the project has none. package.xml has to name one.
    maintainer='vggt_ros contributors',
    keywords=['ROS 2', 'visual SLAM', 'dense reconstruction', 'depth estimation', 'VGGT'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Image Processing',
        'Typing :: Typed',
    ],
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={
        NAME: ['py.typed', 'inference/weights/*.safetensors', 'inference/weights/*.npz']
    },
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        shared('launch', '*.launch.py'),
        shared('config'),
        shared('config/sros2'),
    ],
    python_requires='>=3.10',
    # What the core needs; what only ROS 2 brings (rclpy, messages, cv_bridge) is in package.xml.
    install_requires=[
        'gtsam>=4.3,<5',
        'huggingface_hub>=0.30',
        'jaxtyping>=0.2.34',
        'matplotlib>=3.5',
        'numpy>=1.21',
        'opencv-python-headless>=4.5',
        'pillow>=9.0',
        'safetensors>=0.4.3',
        'scipy>=1.8',
        'setuptools',
        'torch>=2.4,<3',
        'tqdm>=4.57',
    ],
    # `colcon test` runs pytest because it is named here. `offline` reads bags without ROS and
    # adjusts all keyframes at once, `ray` spreads an archive over several machines, `mesh` makes
    # surfaces, `view` shows maps in a browser; the demo, the pictures and other recordings need
    # nothing that the core does not.
    extras_require={
        # Without CUDA it is a quarter of the size, but there is none for other machines.
        'mesh': [
            'open3d-cpu>=0.19; platform_machine == "x86_64"',
            'open3d>=0.19; platform_machine != "x86_64"',
        ],
        'offline': ['pycolmap>=4.2', 'pyyaml>=5.3', 'rosbags>=0.11'],
        'ray': ['ray>=2.9'],
        # Not newer ones: what makes the page safe reaches into it, and a test says so.
        'view': ['viser>=1.1,<1.2'],
        'test': [
            'beartype',
            'colcon-common-extensions',
            'hypothesis',
            'mcap',
            'playwright',
            'pycolmap',
            'pytest',
            'pytest-timeout',
            'pyyaml',
            'rosbags',
            'viser',
        ],
    },
    zip_safe=True,
    entry_points={
        'console_scripts': [
            'vggt_node = vggt_ros.ros.node:main',
            'camera_player = vggt_ros.ros.tools.camera_player:main',
            'recorder = vggt_ros.ros.tools.recorder:main',
            'viewer = vggt_ros.ros.tools.viewer:main',
            'vggt_ros = vggt_ros.cli.main:main',
        ],
    },
)
