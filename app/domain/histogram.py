"""Durations as counts in buckets that grow with what they hold, so that every one is known equally
well: a percentile is wrong by at most `RELATIVE_ERROR` of itself, or by half a millisecond.

Each doubling of a duration has eight buckets of equal width, as in HdrHistogram (G. Tene). All in
integers: the same duration is always in the same bucket.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

Histogram = dict[int, int]

# Half of the widest bucket, in relation to its lower end.
RELATIVE_ERROR = 1 / 16
# Buckets of a doubling.
STEPS = 8
# Bucket 0 is below a millisecond, where SQLite's clock tells nothing apart; so a step of the first
# doubling is an eighth of that.
MICROS_OF_STEP = 125
# 2^40 milliseconds: 35 years. What takes longer is counted as that.
MOST_DOUBLINGS = 39


def bucket_of(micros: int) -> int:
    """The bucket of a duration in microseconds; what is negative counts as nothing."""
    steps = micros // MICROS_OF_STEP
    if steps < STEPS:
        return 0
    doublings = min(steps.bit_length() - 4, MOST_DOUBLINGS)
    return 1 + doublings * STEPS + min(steps >> doublings, 2 * STEPS - 1) - STEPS


def bounds(bucket: int) -> tuple[int, int]:
    """From (included) and to (excluded), in microseconds."""
    if bucket == 0:
        return 0, STEPS * MICROS_OF_STEP
    doublings, step = divmod(bucket - 1, STEPS)
    width = MICROS_OF_STEP << doublings
    return (STEPS + step) * width, (STEPS + step + 1) * width


def seconds(bucket: int) -> float:
    """The middle of a bucket, which stands for all that is in it."""
    return sum(bounds(bucket)) / 2 / 1_000_000


def add(histogram: Histogram, other: Mapping[int, int]) -> None:
    """Put what `other` has counted into `histogram`."""
    for bucket, number in other.items():
        histogram[bucket] = histogram.get(bucket, 0) + number


def percentiles(histogram: Mapping[int, int], percents: Sequence[int]) -> list[float | None]:
    """For each percent the smallest duration, in seconds, that at least so many do not exceed.

    `percents` ascend, from 1 to 100. None where nothing was counted.
    """
    total = sum(histogram.values())
    if not total:
        return [None] * len(percents)
    found: list[float | None] = []
    passed = 0
    for bucket in sorted(histogram):
        passed += histogram[bucket]
        while len(found) < len(percents) and passed * 100 >= percents[len(found)] * total:
            found.append(seconds(bucket))
    return found


def cumulative(histogram: Mapping[int, int], edges: Sequence[float]) -> list[int]:
    """How many durations do not exceed each of `edges`, in seconds and ascending.

    A bucket counts as its middle, so an edge is off by at most `RELATIVE_ERROR` of itself; the same
    duration always counts on the same side of it, so no number ever falls.
    """
    counts = [0] * len(edges)
    for bucket, number in histogram.items():
        if (place := bisect_left(edges, seconds(bucket))) < len(edges):
            counts[place] += number
    return list(accumulate(counts))


def total_seconds(histogram: Mapping[int, int]) -> float:
    """All durations together, each as the middle of its bucket; added up in integers, so that the sum
    of more is never less.
    """
    doubled = sum(sum(bounds(bucket)) * number for bucket, number in histogram.items())
    return doubled / 2_000_000


def pack(histogram: Mapping[int, int]) -> list[int]:
    """As a flat list: bucket, number, bucket, number, ..."""
    return [part for bucket in sorted(histogram) for part in (bucket, histogram[bucket])]


def unpack(packed: Iterable[int]) -> Histogram:
    """The inverse of `pack`."""
    parts = iter(packed)
    return dict(zip(parts, parts, strict=True))
