"""The thin ROS shell: the only package that imports ROS."""

import os

# Threads of the network that wait for each other must sleep, not spin: on a machine with few
# cores spinning starves the camera, the middleware and the executor. Read when torch is loaded.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
# The products of the refinement are small: threads of BLAS wait for each other longer than they
# compute, and spin meanwhile. Read when NumPy is loaded.
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
