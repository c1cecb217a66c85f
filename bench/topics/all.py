"""The topics in the order of a round."""

from __future__ import annotations

from bench.topic import Topic
from bench.topics.execution import Execution
from bench.topics.footprint import Footprint
from bench.topics.growth import Growth
from bench.topics.latency import Latency
from bench.topics.live import LiveState
from bench.topics.peers import Peers
from bench.topics.reads import Reads
from bench.topics.submission import Submission

TOPICS: list[type[Topic]] = [
    Execution,
    Submission,
    Latency,
    LiveState,
    Reads,
    Growth,
    Peers,
    Footprint,
]
