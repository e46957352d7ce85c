"""python -m workshop: what ./dev starts."""

import sys

from workshop.cli import main

sys.exit(main(sys.argv[1:]))
