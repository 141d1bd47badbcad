"""`python -m vggt_ros.cli`: the command where no script is installed."""

import sys

from vggt_ros.cli.main import main

sys.exit(main())
