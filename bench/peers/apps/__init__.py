"""One module a peer: its application as its own documentation writes it, with one task that does
nothing but count itself, and `fill(count)`, which submits that many. `prepare()`, where there is
one, makes what the peer needs in its database.

These run in the peers' environments: nothing is imported here but the peer and the counting.
"""

from __future__ import annotations

import os

REDIS = os.environ.get("BENCH_REDIS", "")
POSTGRES = os.environ.get("BENCH_POSTGRES", "")
