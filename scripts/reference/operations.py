"""`docs/*/reference.md`: every operation and every object of the API, from its description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scripts.reference.descriptions import Descriptions
from scripts.reference.operations_text import CHINESE, TAGS
from scripts.reference.schemas import Schemas, without_null
from scripts.reference.words import ENGLISH, Words

Operation = dict[str, Any]
# Said once, at the top: every operation may answer so.
_COMMON = {
    "en": (
        "# API reference\n\n"
        "Made by `make docs` from the API's description, which a running system has at `/openapi.json` and shows at\n"
        "`/docs`. What holds everywhere, and what things mean, is in [API](api.md).\n\n"
        "A scope in the line below a heading is what the token needs; of several one is enough. The names in the answers\n"
        "lead to the [objects](#{objects}). Times are RFC 3339 with an offset. A parameter without a default may be\n"
        "left out, unless it is required.\n\n"
        "What a status means, where nothing else is said:\n"
    ),
    "zh": (
        "# API 参考\n\n"
        "由 `make docs` 从 API 的描述生成；运行中的系统在 `/openapi.json` 提供这份描述，在 `/docs` 显示它。处处适用的规定，以及各种\n"
        "东西的含义，见 [API](api.md)。\n\n"
        "标题下一行的权限范围是令牌所需的；有几个时，一个就够。应答里的名字通向[对象](#{objects})。时间是带偏移的 RFC 3339。没有\n"
        "默认值的参数可以不写，除非标明必需。\n\n"
        "没有另外说明时，各个状态码的含义：\n"
    ),
}
_LABELS = {
    "en": {
        "status": "status", "meaning": "meaning", "scope": "Scope", "open": "Needs no token.",
        "any": "Any token or session.", "parameter": "parameter", "kind": "type and range",
        "where": "in", "default": "default", "body": "Body", "answers": "Answers", "objects": "Objects",
        "query": "query", "path": "path", "header": "header", "field": "field", "nothing": "nothing",
    },
    "zh": {
        "status": "状态码", "meaning": "含义", "scope": "权限范围", "open": "不需要令牌。",
        "any": "任何令牌或会话。", "parameter": "参数", "kind": "类型与范围",
        "where": "位置", "default": "默认值", "body": "请求体", "answers": "应答", "objects": "对象",
        "query": "查询", "path": "路径", "header": "请求头", "field": "字段", "nothing": "无内容",
    },
}  # fmt: skip


def page(described: dict[str, Any], words: Words) -> str:
    """The page in one language.

    Raises `LookupError` for an operation or a description without a line in Chinese, and for a
    description's line that is not needed any more.
    """
    descriptions = Descriptions(words)
    text = "\n".join(_Page(described, words, descriptions).chapters())
    descriptions.check()
    return text


class _Page:
    def __init__(self, described: dict[str, Any], words: Words, descriptions: Descriptions) -> None:
        self._described = described
        self._words = words
        self._told = descriptions.told
        self._labels = _LABELS[words.code]
        self._schemas = Schemas(described["components"]["schemas"], words, descriptions)

    def chapters(self) -> Iterator[str]:
        by_tag: dict[str, list[str]] = {name: [] for name in TAGS}
        for path, methods in self._described["paths"].items():
            for method, operation in methods.items():
                by_tag[operation["tags"][0]].append(self._operation(method, path, operation))
        last = len(TAGS) + 1
        anchor = f"{last}-{self._labels['objects'].lower()}"
        yield _COMMON[self._words.code].format(objects=anchor)
        yield self._statuses()
        for number, (tag, operations) in enumerate(by_tag.items(), start=1):
            yield f"## {number}. {TAGS[tag][0 if self._words is ENGLISH else 1]}\n"
            yield from operations
        yield f"## {last}. {self._labels['objects']}\n"
        yield from self._schemas.tables(self._labels, _bodies(self._described))

    def _statuses(self) -> str:
        """The errors that most operations share, once."""
        rows = [f"| {status} | {self._told(said)} |" for status, said in _shared(self._described)]
        head = f"| {self._labels['status']} | {self._labels['meaning']} |\n|---|---|\n"
        return head + "\n".join(rows) + "\n"

    def _operation(self, method: str, path: str, operation: Operation) -> str:
        parts = [f"### {method.upper()} `{path}`\n", self._said(operation), self._rights(operation)]
        if parameters := operation.get("parameters"):
            parts.append(self._parameters(parameters))
        if body := operation.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]
            parts.append(self._line("body", self._schemas.kind(schema)))
        parts.append(self._answers(operation))
        return "\n".join(parts)

    def _said(self, operation: Operation) -> str:
        if self._words is ENGLISH:
            return f"{self._told(operation['description'])}\n"
        if operation["operationId"] not in CHINESE:
            raise LookupError(
                f"{operation['operationId']}: write a line for it in "
                "scripts/reference/operations_text.py"
            )
        return f"{CHINESE[operation['operationId']]}\n"

    def _rights(self, operation: Operation) -> str:
        if not operation.get("security"):
            return f"{self._labels['open']}\n"
        scopes = operation["security"][0].get("token") or []
        if not scopes:
            return f"{self._labels['any']}\n"
        return self._line("scope", " / ".join(f"`{scope}`" for scope in scopes))

    def _parameters(self, parameters: list[dict[str, Any]]) -> str:
        names = ("parameter", "where", "kind", "default", "meaning")
        head = "| " + " | ".join(self._labels[name] for name in names) + " |"
        rows = [self._parameter(each) for each in parameters]
        return "\n".join([head, "|---|---|---|---|---|", *rows, ""])

    def _parameter(self, given: dict[str, Any]) -> str:
        schema = given["schema"]
        default = self._schemas.default(schema)
        if given.get("required"):
            default = self._words.required
        said = self._told(given.get("description") or schema.get("description") or "")
        where, kind = self._labels[given["in"]], self._schemas.kind(without_null(schema))
        return f"| `{given['name']}` | {where} | {kind} | {default} | {said} |"

    def _answers(self, operation: Operation) -> str:
        shared = dict(_shared(self._described))
        said, usual = [], []
        for status, answer in sorted(operation["responses"].items()):
            if shared.get(status) == answer["description"]:
                usual.append(status)
            else:
                said.append(self._answer(status, answer))
        return self._line("answers", self._words.semicolon.join([*said, ", ".join(usual)]))

    def _answer(self, status: str, answer: dict[str, Any]) -> str:
        kinds = [
            self._schemas.kind(content["schema"]) if "schema" in content else f"`{media}`"
            for media, content in (answer.get("content") or {}).items()
            if media != "application/problem+json"
        ]
        said = answer["description"]
        meaning = "" if said == "Successful Response" else self._told(said)
        kind = " / ".join(kinds)
        what = f"{kind}{self._words.colon}{meaning}" if kind and meaning else kind or meaning
        return f"{status} {what or self._labels['nothing']}"

    def _line(self, label: str, text: str) -> str:
        return f"{self._labels[label]}{self._words.colon}{text}\n"


def _shared(described: dict[str, Any]) -> list[tuple[str, str]]:
    """For each error status what most operations say of it."""
    counts: dict[str, dict[str, int]] = {}
    for methods in described["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    said = counts.setdefault(status, {})
                    said[answer["description"]] = said.get(answer["description"], 0) + 1
    return [
        (status, max(said, key=lambda text: said[text])) for status, said in sorted(counts.items())
    ]


def _bodies(described: dict[str, Any]) -> Iterator[Any]:
    """What requests are sent with."""
    for methods in described["paths"].values():
        for operation in methods.values():
            yield operation.get("requestBody")
