"""The program `byob` (also `kubectl byob` and `python -m wandb_byob`)."""

import sys

from wandb_byob.cli import main

if __name__ == "__main__":
    sys.exit(main())
