"""A text that is in a name has no part that the name has not."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.domain.grams import BLOCKS, MOST_ASKED, NUMBERS, marks_of, numbers_in
from app.domain.spans import clipped, merged

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


@given(TEXT, TEXT.filter(bool), TEXT, st.integers(0, BLOCKS - 1))
def test_what_contains_a_text_has_all_its_parts(
    before: str, text: str, behind: str, place: int
) -> None:
    blocks: list[list[str]] = [[] for _ in range(BLOCKS)]
    blocks[place] = ["another", before + text + behind]
    marks = marks_of(blocks)
    assert all(marks[number] >> place & 1 for number in numbers_in(text))


def test_what_does_not_contain_it_hardly_ever_has() -> None:
    marks = marks_of([[f"Nightly export {number}"] for number in range(BLOCKS)])

    def found(text: str) -> list[int]:
        asked = numbers_in(text)
        return [
            place for place in range(BLOCKS) if all(marks.get(n, 0) >> place & 1 for n in asked)
        ]

    assert found("export 17") == [17]
    assert found("y export 6") == [6, 60, 61, 62]
    assert found("x") == list(range(BLOCKS))
    assert found("needle") == found("客") == []


def test_names_of_two_tasks_have_no_part_in_common() -> None:
    marks = marks_of([["ab", "cd"]])
    assert not all(number in marks for number in numbers_in("bc"))


@given(st.lists(TEXT))
def test_names_have_the_parts_that_each_of_them_has(names: list[str]) -> None:
    each = [marks_of([[name]]) for name in names]
    assert marks_of([names]) == {number: 1 for marks in each for number in marks}


@given(TEXT.filter(bool))
def test_few_parts_are_looked_up_and_each_has_a_number(text: str) -> None:
    numbers = numbers_in(text)
    assert 1 <= len(numbers) <= MOST_ASKED
    assert all(0 <= number < NUMBERS + (1 << 16) for number in numbers)


@given(TEXT, TEXT.filter(lambda text: 1 <= len(text.encode()) <= 2))
def test_a_text_of_one_byte_or_two_is_where_it_seems_to_be(name: str, text: str) -> None:
    seems = numbers_in(text) <= marks_of([[name]]).keys()
    assert seems == (text.encode() in name.encode())


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)).map(lambda s: (s[0], sum(s))))


def places(spans: list[tuple[int, int]]) -> set[int]:
    return {place for low, high in spans for place in range(low + 1, high + 1)}


@given(SPANS, st.integers(0, 35), st.integers(0, 35))
def test_spans_are_the_same_places_once_and_in_order(
    spans: list[tuple[int, int]], low: int, high: int
) -> None:
    found = merged(spans)
    assert places(found) == places(spans)
    assert all(end < begin for (_, end), (begin, _) in pairwise(found))
    assert places(clipped(found, low, high)) == places(spans) & set(range(low + 1, high + 1))
