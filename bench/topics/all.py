"""The topics in the order of a round."""

from __future__ import annotations

from bench.topic import Topic
from bench.topics.execution import Execution
from bench.topics.submission import Submission

TOPICS: list[type[Topic]] = [Execution, Submission]
