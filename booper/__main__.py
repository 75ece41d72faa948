"""`python -m booper` is the `booper` command."""

import sys

from booper.cli import main

if __name__ == "__main__":
    sys.exit(main())
