"""The thin ROS shell: the only package that imports ROS."""

import os

# Threads of the network that wait for each other must sleep, not spin: on a machine with few
# cores spinning starves the camera, the middleware and the executor. Read when torch is loaded.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
