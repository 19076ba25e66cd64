"""python -m chainderiv: the command line."""

import sys

from chainderiv.cli import main

if __name__ == "__main__":
    sys.exit(main())
