"""Parts of names as numbers, by which is told what cannot contain a text without reading it.

Of bytes and not of characters: they are taken out of many names at once, and one Chinese character is
a part to ask for. Two parts of three or four bytes may have the same number, so what seems to contain
a text need not; what seems not to contain it does not. Shorter parts have numbers of their own: there
are few, and a text that is no longer has no second part to tell it from another.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain

# Blocks that one number tells about: the bits of a signed integer of 64, without the sign.
BLOCKS = 63
# Bytes of the longest part.
SIZE = 4
# Parts that are looked up of one text, taken from all over it.
MOST_ASKED = 8
# A prime: long parts are spread evenly over the numbers below it. From there on are the short ones.
NUMBERS = 65_521
# The first bytes of a part. What is no larger than two of them is a short one.
_THREE, _TWO, _ONE = 0xFF_FFFF, 0xFFFF, 0xFF
# Behind each name, so that a part of the full size begins at each of its bytes.
_END = bytes(SIZE - 1)


def marks_of(blocks: Iterable[Iterable[str]]) -> dict[int, int]:
    """For the number of each part of one to four bytes: a bit for each block that has it.

    At most `BLOCKS` blocks of names.
    """
    marks: defaultdict[int, int] = defaultdict(int)
    for place, names in enumerate(blocks):
        bit = 1 << place
        for number in _numbers_of(names):
            marks[number] |= bit
    return dict(marks)


def _numbers_of(names: Iterable[str]) -> set[int]:
    # The first bytes of each: of the shorter ones there are fewer and fewer.
    four = _longest(names)
    three = {gram & _THREE for gram in four}
    two = {gram & _TWO for gram in three}
    one = {gram & _ONE for gram in two}
    # At the end of a name the longer ones are short.
    long = {gram % NUMBERS for grams in (four, three) for gram in grams if gram > _TWO}
    return long.union(NUMBERS + gram for grams in (two, one) for gram in grams)


def _longest(names: Iterable[str]) -> set[int]:
    text = b"".join(chain.from_iterable((name.encode(), _END) for name in set(names)))
    grams: set[int] = set()
    for start in range(min(SIZE, len(text))):
        grams.update(struct.unpack_from(f"<{(len(text) - start) // SIZE}I", text, start))
    # Without those that begin between two names.
    return {gram for gram in grams if gram & 0xFF}


def numbers_in(text: str) -> set[int]:
    """The numbers of parts of a text that is not empty: a name that contains it has all of them."""
    encoded = text.encode()
    size = min(SIZE, len(encoded))
    last = len(encoded) - size
    step = max(1, -(-last // (MOST_ASKED - 1)))
    starts = {*range(0, last, step), last}
    grams = (int.from_bytes(encoded[at : at + size], "little") for at in starts)
    return {gram % NUMBERS if gram > _TWO else NUMBERS + gram for gram in grams}
