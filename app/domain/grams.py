"""Parts of names as numbers, by which is told what cannot contain a text without reading it.

Of bytes and not of characters: they are taken out of many names at once, and one Chinese character is
a part to ask for. Two parts may have the same number, so what seems to contain a text need not; what
seems not to contain it does not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import chain

# Blocks that one number tells about: the bits of a signed integer of 64, without the sign.
BLOCKS = 63
# Bytes of the longest part.
SIZE = 4
# Parts that are looked up of one text, taken from all over it.
MOST_ASKED = 8
# A prime: parts are spread evenly over the numbers below it.
NUMBERS = 65_521
_SHORTER = tuple((1 << 8 * size) - 1 for size in range(SIZE - 1, 0, -1))
# Behind each name, so that a part of the full size begins at each of its bytes.
_END = bytes(SIZE - 1)


def marks_of(blocks: Iterable[Iterable[str]]) -> dict[int, int]:
    """For the number of each part of one to four bytes: a bit for each block that has it.

    At most `BLOCKS` blocks of names.
    """
    marks = [0] * NUMBERS
    for place, names in enumerate(blocks):
        for number in _numbers_of(names):
            marks[number] |= 1 << place
    return {number: places for number, places in enumerate(marks) if places}


def _numbers_of(names: Iterable[str]) -> set[int]:
    grams = _longest(names)
    numbers = {gram % NUMBERS for gram in grams}
    for mask in _SHORTER:
        # The first bytes of each: of the shorter ones there are fewer and fewer.
        grams = {gram & mask for gram in grams}
        numbers |= {gram % NUMBERS for gram in grams}
    return numbers


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
    return {int.from_bytes(encoded[at : at + size], "little") % NUMBERS for at in starts}
