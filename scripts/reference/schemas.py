"""Types of the API's description in words, and a table for each of its objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from scripts.reference.descriptions import Descriptions
from scripts.reference.words import Words

Schema = dict[str, Any]
_PREFIX = "#/components/schemas/"


class Schemas:
    """The objects of a description, in one language."""

    def __init__(
        self, schemas: dict[str, Schema], words: Words, descriptions: Descriptions
    ) -> None:
        self._schemas = schemas
        self._words = words
        self._told = descriptions.told

    def tables(self, labels: dict[str, str], sent: Iterable[Schema]) -> Iterator[str]:
        """Every object with its fields, every choice with its values, by name.

        What is a part of a body that is `sent` says which fields are required, and the defaults.
        """
        given = self._parts(sent)
        for name, schema in sorted(self._schemas.items()):
            yield f"### {name}\n"
            if said := self._told(schema.get("description", "")):
                yield f"{said}\n"
            if properties := schema.get("properties"):
                required = set(schema.get("required", ())) if name in given else None
                yield self._table(properties, required, labels)
            else:
                yield f"{self.kind(schema)}\n"

    def _parts(self, schemas: Iterable[Schema]) -> set[str]:
        """The objects that these are, or are made of."""
        found: set[str] = set()
        left = [name for schema in schemas for name in _references(schema)]
        while left:
            if (name := left.pop()) not in found:
                found.add(name)
                left += _references(self._schemas[name])
        return found

    def _table(
        self, properties: dict[str, Schema], required: set[str] | None, labels: dict[str, str]
    ) -> str:
        columns = [labels["field"], labels["kind"], labels["meaning"]]
        if required is not None:
            columns.insert(2, labels["default"])
        rows = []
        for name, schema in properties.items():
            cells = [f"`{name}`", self.kind(schema), self._told(schema.get("description", ""))]
            if required is not None:
                must = name in required
                cells.insert(2, self._words.required if must else self.default(schema))
            rows.append(f"| {' | '.join(cells)} |")
        return "\n".join([f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows, ""])

    def default(self, schema: Schema) -> str:
        """The default as JSON; empty where there is none, or it is null."""
        value = schema.get("default")
        return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"

    def kind(self, schema: Schema) -> str:
        """The type in words, with its range."""
        words = self._words
        if reference := schema.get("$ref"):
            name = reference.removeprefix(_PREFIX)
            return f"[{name}](#{name.lower()})"
        if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            kinds = [self.kind(each) for each in choices if each.get("type") != "null"]
            kind = " / ".join(dict.fromkeys(kinds))
            return words.or_null.format(kind=kind) if len(kinds) < len(choices) else kind
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if values := schema.get("enum"):
            return " / ".join(f"`{json.dumps(value).strip(chr(34))}`" for value in values)
        return self._plain(schema)

    def _plain(self, schema: Schema) -> str:
        words = self._words
        low, high, is_open = _range(schema)
        match schema.get("type"):
            case "string":
                return self._text(schema)
            case "integer" | "number" as kind:
                name = words.whole if kind == "integer" else words.number
                return words.joined(name, words.bounds(low, high, open_low=is_open))
            case "boolean":
                return words.true_or_false
            case "array":
                item = self.kind(schema["items"]) if schema.get("items") else words.json
                most = schema.get("maxItems")
                count = words.up_to_items.format(count=f"{most:,}") if most else ""
                return words.joined(words.list_of.format(item=item), count)
            case "object":
                inner = schema.get("additionalProperties")
                named = self.kind(inner) if isinstance(inner, dict) and inner else ""
                return words.object + (words.brackets.format(text=named) if named else "")
            case _:
                return words.json

    def _text(self, schema: Schema) -> str:
        words = self._words
        match schema.get("format"):
            case "uuid":
                return "UUID"
            case "date-time":
                return words.time
        return words.length(schema.get("minLength"), schema.get("maxLength"))


def _range(schema: Schema) -> tuple[float | None, float | None, bool]:
    """Bounds, under the names of JSON Schema and those that the API's own query parameters have."""
    above = schema.get("exclusiveMinimum", schema.get("gt"))
    low = schema.get("minimum", schema.get("ge"))
    high = schema.get("maximum", schema.get("le"))
    return (above, high, True) if above is not None else (low, high, False)


def _references(schema: Any) -> list[str]:
    """The objects that are named anywhere in a schema."""
    if isinstance(schema, list):
        return [name for each in schema for name in _references(each)]
    if not isinstance(schema, dict):
        return []
    inner = [name for each in schema.values() for name in _references(each)]
    reference = schema.get("$ref")
    return [*inner, reference.removeprefix(_PREFIX)] if isinstance(reference, str) else inner


def without_null(schema: Schema) -> Schema:
    """A parameter that may be left out is described as one that may be null; nobody can send that."""
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if not choices:
        return schema
    return choices[0] if len(choices) == 1 else {**schema, "anyOf": choices}
