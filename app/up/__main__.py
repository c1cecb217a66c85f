"""`python -m app.up`: what `make up` becomes once everything is installed."""

import sys

from app.up import run

sys.exit(run())
