#!/bin/bash
# Runs a command with ROS 2, and with the package where the image has it.
set -eo pipefail
# shellcheck disable=SC1090
source "/opt/ros/${ROS_DISTRO}/setup.bash"
if [ -f /opt/vggt_ros/install/setup.bash ]; then
    # shellcheck disable=SC1091
    source /opt/vggt_ros/install/setup.bash
fi
exec "$@"
