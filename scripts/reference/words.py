"""The two languages of the documentation: what is said of values, types and bounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A language. `code` is its folder below `docs`."""

    code: str
    text: str
    number: str
    whole: str
    true_or_false: str
    path: str
    time: str
    json: str
    object: str
    list_of: str
    up_to_items: str
    or_null: str
    characters: str
    between: str
    at_least: str
    at_most: str
    above: str
    above_up_to: str
    none: str
    required: str
    split: str
    comma: str
    semicolon: str
    colon: str
    not_empty: str
    brackets: str

    def joined(self, *parts: str) -> str:
        """Parts with the comma of the language between them; empty ones are left out."""
        return self.comma.join(part for part in parts if part)

    def length(self, low: float | None, high: float | None) -> str:
        """A text, with how long it may be."""
        if low == 1 and high is None:
            return self.joined(self.text, self.not_empty)
        bounds = self.bounds(low, high)
        return self.joined(self.text, bounds + self.characters if bounds else "")

    def bounds(self, low: float | None, high: float | None, *, open_low: bool = False) -> str:
        """`1 to 4`, `at least 16`, `above 0, at most 3600`; empty without any bound."""
        if low is None and high is None:
            return ""
        if low is not None and open_low:
            pattern = self.above if high is None else self.above_up_to
        elif low is None:
            pattern = self.at_most
        else:
            pattern = self.at_least if high is None else self.between
        return pattern.format(low=_plain(low), high=_plain(high))


def _plain(value: float | None) -> str:
    if value is None:
        return ""
    # Not by way of a float, which cannot hold the largest of the integers.
    return f"{value:,.10g}" if value % 1 else f"{int(value):,}"


ENGLISH = Words(
    code="en",
    text="text",
    number="number",
    whole="whole number",
    true_or_false="`true` or `false`",
    path="path",
    time="time",
    json="any JSON",
    object="object",
    list_of="list of {item}",
    up_to_items="up to {count}",
    or_null="{kind} or null",
    characters=" characters",
    between="{low} to {high}",
    at_least="at least {low}",
    at_most="at most {high}",
    above="above {low}",
    above_up_to="above {low}, at most {high}",
    none="none",
    required="required",
    split="list, separated by commas",
    comma=", ",
    semicolon="; ",
    colon=": ",
    not_empty="not empty",
    brackets=" ({text})",
)
CHINESE = Words(
    code="zh",
    text="文本",
    number="数字",
    whole="整数",
    true_or_false="`true` 或 `false`",
    path="路径",
    time="时间",
    json="任意 JSON",
    object="对象",
    list_of="{item} 的列表",
    up_to_items="最多 {count} 个",
    or_null="{kind} 或 null",
    characters=" 个字符",
    between="{low} 到 {high}",
    at_least="至少 {low}",
    at_most="最多 {high}",
    above="大于 {low}",
    above_up_to="大于 {low}，最多 {high}",
    none="无",
    required="必需",
    split="列表，用逗号分隔",
    comma="，",
    semicolon="；",
    colon="：",
    not_empty="不能为空",
    brackets="（{text}）",
)
