"""`docs/*/configuration.md`: every setting with its type, its default and what it is for."""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Interval, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

from app.core.config import INTERNAL_FIELDS, Settings
from scripts.reference.settings_text import GROUPS, Line
from scripts.reference.words import ENGLISH, Words

_HEADS = {
    "en": (
        "# Configuration\n\n"
        "Made by `make docs` from the program; its lines stand in `scripts/reference/settings_text.py`.\n\n"
        "Values come from the environment, then from the dotenv file (`.env`, or the one that `ENV_FILE` names), then\n"
        "from the defaults here. `.env.example` has a line for each of them, to copy. Every process reads them when it\n"
        "starts: after a change restart API, workers and beat. A value that cannot be used stops the start with a\n"
        "sentence that names it. What is in effect, and where it came from, with secrets masked:\n\n"
        "```bash\ntaskctl config\n```\n\n"
        "Not in the tables, since others read them: `FORWARDED_ALLOW_IPS` of uvicorn ([operations](operations.md#3-production)),\n"
        "`OTEL_...` of OpenTelemetry ([operations](operations.md#14-traces)), and `TASKCTL_URL` and `TASKCTL_TOKEN`, which tell\n"
        "`taskctl` where the API is and who asks ([guide](guide.md#9-command-line)).\n"
    ),
    "zh": (
        "# 配置\n\n"
        "由 `make docs` 从程序生成；各行文字在 `scripts/reference/settings_text.py` 里。\n\n"
        "取值依次来自环境变量、dotenv 文件（`.env`，或 `ENV_FILE` 指定的文件）、这里的默认值。`.env.example` 里每个变量有一行，可以\n"
        "复制。每个进程在启动时读取：修改之后请重启 API、worker 和 beat。不能用的值会让启动停下，并用一句话指出是哪个。生效的值\n"
        "及其来源如下查看，机密已遮盖：\n\n"
        "```bash\ntaskctl config\n```\n\n"
        "下面的表里没有、由别的程序读取的变量：uvicorn 的 `FORWARDED_ALLOW_IPS`（[运维](operations.md#3-生产环境)），OpenTelemetry 的\n"
        "`OTEL_...`（[运维](operations.md#14-链路追踪)），以及告诉 `taskctl` API 在哪里、以谁的身份访问的 `TASKCTL_URL` 和\n"
        "`TASKCTL_TOKEN`（[指南](guide.md#9-命令行)）。\n"
    ),
}
_COLUMNS = {
    "en": "| variable | default | type and range | meaning |",
    "zh": "| 变量 | 默认值 | 类型与范围 | 含义 |",
}


def page(words: Words) -> str:
    """The page in one language. Raises `LookupError` for a setting that has no line."""
    fields = {n.upper(): f for n, f in Settings.model_fields.items() if n not in INTERNAL_FIELDS}
    told = {name for group in GROUPS for name in group.settings}
    if missing := set(fields) - told:
        raise LookupError(
            f"{', '.join(sorted(missing))}: write a line for it in scripts/reference/settings_text.py"
        )
    if gone := told - set(fields) - {"ENV_FILE"}:
        raise LookupError(
            f"{', '.join(sorted(gone))} is no setting any more: take it out of "
            "scripts/reference/settings_text.py"
        )
    chapters = [_HEADS[words.code]]
    for number, group in enumerate(GROUPS, start=1):
        heading = group.en if words is ENGLISH else group.zh
        rows = [_row(name, line, fields.get(name), words) for name, line in group.settings.items()]
        table = "\n".join([_COLUMNS[words.code], "|---|---|---|---|", *rows])
        chapters.append(f"## {number}. {heading}\n\n{table}\n")
    return "\n".join(chapters)


def _row(name: str, line: Line, field: FieldInfo | None, words: Words) -> str:
    said, default = (line.en, line.default_en) if words is ENGLISH else (line.zh, line.default_zh)
    kind = words.path if field is None else _kind(field, words)
    default = default or (_default(field, words) if field else "`.env`")
    return f"| `{name}` | {default} | {kind} | {said} |"


def _default(field: FieldInfo, words: Words) -> str:
    value = field.default
    if value in (None, "", []):
        return words.none
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _kind(field: FieldInfo, words: Words) -> str:
    """The type in words, with its range."""
    metadata = list(field.metadata)
    kinds = []
    for each in _alternatives(field.annotation):
        inner = get_args(each)
        base = inner[0] if hasattr(each, "__metadata__") else each
        kinds.append(_named(base, [*metadata, *_metadata(each)], words))
    return " / ".join(kinds)


def _alternatives(annotation: Any) -> list[Any]:
    """The types of a union, without None; Literals last."""
    if get_origin(annotation) is Literal or not get_args(annotation):
        return [annotation]
    if get_origin(annotation) is list or hasattr(annotation, "__metadata__"):
        return [annotation]
    return [each for each in get_args(annotation) if each is not NoneType]


def _metadata(annotation: Any) -> list[Any]:
    found = []
    for each in getattr(annotation, "__metadata__", ()):
        found += each.metadata if isinstance(each, FieldInfo) else [each]
    return found


def _named(base: Any, metadata: list[Any], words: Words) -> str:
    if get_origin(base) is Literal:
        return " / ".join(f"`{value}`" for value in get_args(base))
    if base is bool:
        return words.true_or_false
    if base is Path:
        return words.path
    if get_origin(base) is list:
        return words.split
    low, high, is_open = _range(metadata)
    if base is str:
        return words.length(low, high)
    name = words.whole if base is int else words.number
    return words.joined(name, words.bounds(low, high, open_low=is_open))


def _range(metadata: list[Any]) -> tuple[float | None, float | None, bool]:
    low: Any = None
    high: Any = None
    is_open = False
    for each in metadata:
        if isinstance(each, Ge):
            low = each.ge
        elif isinstance(each, Gt):
            low, is_open = each.gt, True
        elif isinstance(each, Le):
            high = each.le
        elif isinstance(each, Lt):
            high = each.lt
        elif isinstance(each, MinLen):
            low = each.min_length
        elif isinstance(each, MaxLen):
            high = each.max_length
        elif isinstance(each, Interval):
            low = each.ge if each.ge is not None else low
            high = each.le if each.le is not None else high
    return low, high, is_open
