"""`python -m graph` is `rungraph`."""

import sys

from graph.cli import main

sys.exit(main())
