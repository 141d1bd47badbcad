#!/bin/bash
# Healthy is a node that answers and is active; what is wrong beside that, `vggt_ros doctor` says.
set -eo pipefail
# shellcheck disable=SC1090
source "/opt/ros/${ROS_DISTRO}/setup.bash"
timeout 15 ros2 lifecycle get "${VGGT_NODE:-/vggt}" | grep -q '^active'
