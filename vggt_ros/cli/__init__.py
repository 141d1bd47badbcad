"""The `vggt_ros` command."""
