"""What the API's description says of its operations: where values stand, and of which types they are."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Schema = dict[str, Any]
ALL_KINDS = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
# Depth of bodies in which values are replaced; no schema of ours is deeper.
_DEEPEST = 6


@dataclass(frozen=True)
class Place:
    """A value within a body, and its schema."""

    path: tuple[str | int, ...]
    schema: Schema

    def replaced(self, body: Any, value: Any) -> Any:
        """The body with another value here; what is on the way to it and missing is made."""
        body = deepcopy(body)
        *way, last = self.path
        at = body
        for step, following in zip(way, self.path[1:], strict=True):
            if isinstance(at, list):
                at = at[int(step)]
                continue
            empty: Any = [{}] if isinstance(following, int) else {}
            at = at.setdefault(step, empty)
        at[last] = value
        return body


@dataclass(frozen=True)
class Operation:
    """A method of a path, as it is described."""

    method: str
    path: str
    described: Schema
    components: Schema

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def parameters(self, where: str) -> list[Schema]:
        """Those in `path`, `query` or `header`."""
        return [each for each in self.described.get("parameters", ()) if each["in"] == where]

    @cached_property
    def body(self) -> Schema | None:
        """The schema of its body, if it takes one."""
        given = self.described.get("requestBody")
        return given and given["content"]["application/json"]["schema"]

    @property
    def needs_body(self) -> bool:
        """Whether there has to be one."""
        return bool(self.described.get("requestBody", {}).get("required"))

    def kinds(self, schema: Schema) -> frozenset[str]:
        """Which types of JSON a value may have."""
        found: frozenset[str] = frozenset()
        for each in self._alternatives(schema):
            if "type" in each:
                found |= {each["type"]} | ({"integer"} if each["type"] == "number" else set())
            elif "enum" in each or "const" in each:
                found |= {"string"}
            else:
                return ALL_KINDS
        return found

    def is_text(self, schema: Schema) -> bool:
        """Whether any text will do."""
        return (
            any(
                each.get("type") == "string"
                and not {"enum", "const", "format", "pattern"} & set(each)
                for each in self._alternatives(schema)
            )
            or self.kinds(schema) == ALL_KINDS
        )

    def places(self) -> Iterator[Place]:
        """Every value of the body that the description names."""
        if self.body is not None:
            yield from self._places(self.body, ())

    def objects(self) -> Iterator[Place]:
        """Every object of the body whose fields are described."""
        return (
            place
            for place in self.places()
            if any("properties" in each for each in self._alternatives(place.schema))
        )

    def _places(self, schema: Schema, path: tuple[str | int, ...]) -> Iterator[Place]:
        if len(path) > _DEEPEST:
            return
        for each in self._alternatives(schema):
            for name, inner in each.get("properties", {}).items():
                yield Place((*path, name), inner)
                yield from self._places(inner, (*path, name))
            if "items" in each:
                yield from self._places(each["items"], (*path, 0))

    def _alternatives(self, schema: Schema) -> Iterator[Schema]:
        if "$ref" in schema:
            yield from self._alternatives(self.components[schema["$ref"].rsplit("/", 1)[-1]])
        elif some := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            for each in some:
                yield from self._alternatives(each)
        else:
            yield schema


def operations(described: Schema) -> list[Operation]:
    """All of them."""
    return [
        Operation(method.upper(), path, operation, described["components"]["schemas"])
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def kind_of(value: Any) -> str:
    """The type that JSON has for a value."""
    if isinstance(value, bool):
        return "boolean"
    names = {int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return "null" if value is None else names[type(value)]
