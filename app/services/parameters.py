"""A function's parameters: their JSON Schema, and whether given arguments fit them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from app.core import sensitive
from app.core.redact import MASK, is_secret_name
from app.core.sensitive import Sensitive
from app.db.base import dump_json

FieldError = dict[str, Any]
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a registered function takes."""

    # What may be given: without the parameters that the system supplies.
    signature: inspect.Signature
    adapters: dict[str, TypeAdapter[Any]]
    hidden: frozenset[str]
    schema: dict[str, Any]
    plain: Plain | None
    secret: Sensitive | None

    @classmethod
    @cache
    def of(
        cls,
        function: Callable[..., Any],
        hidden: frozenset[str],
        declared: frozenset[str] = frozenset(),
    ) -> Parameters:
        """Read a function's signature and annotations, once for each function.

        `hidden` parameters are supplied by the system and neither shown nor accepted. What is given
        for those that are `declared` sensitive is accepted and not shown. An
        annotation that has no JSON form is not checked.
        """
        signature = inspect.signature(function)
        try:
            hints = get_type_hints(function, include_extras=True)
        except Exception:  # noqa: BLE001 - an annotation that cannot be resolved is the user's own
            hints = {}
        adapters = {}
        for name in signature.parameters:
            if name in hints and (adapter := _adapter(hints[name])):
                adapters[name] = adapter
        shown = {n: p for n, p in signature.parameters.items() if n not in hidden}
        visible = signature.replace(parameters=list(shown.values()))
        return cls(
            visible,
            adapters,
            hidden,
            _schema(shown, adapters, declared),
            Plain.of(visible),
            _secret(shown, declared),
        )

    def check(self, args: list[Any], kwargs: dict[str, Any]) -> list[FieldError]:
        """Where these arguments do not fit, as `{loc, msg, type}`; an empty list if they do."""
        errors = [
            _error(["body", "kwargs", name], f"{name} is set by the system", "reserved_argument")
            for name in kwargs
            if name in self.hidden or name == "self"
        ]
        if errors:
            return errors
        if self.secret is not None and (errors := _masks(self.secret, args, kwargs)):
            return errors
        if self.plain is not None and (bound := self.plain.bind(args, kwargs)) is not None:
            return [
                error
                for index, (name, value) in enumerate(bound.items())
                if name in self.adapters
                for error in self._check_value(name, _loc(name, index, len(args)), value)
            ]
        return self._check_by_signature(args, kwargs)

    def _check_by_signature(self, args: list[Any], kwargs: dict[str, Any]) -> list[FieldError]:
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as exc:
            place = "kwargs" if kwargs else "args"
            message = f"{exc}; the function takes {self.signature}"
            return [_error(["body", place], message, "arguments")]
        return self._check_types(bound, len(args))

    def _check_types(self, bound: inspect.BoundArguments, positional: int) -> list[FieldError]:
        errors: list[FieldError] = []
        for index, (name, value) in enumerate(bound.arguments.items()):
            kind = bound.signature.parameters[name].kind
            loc: list[Any] = ["body", "args", index] if index < positional else ["body", "kwargs"]
            if kind is inspect.Parameter.VAR_POSITIONAL:
                items = [(["body", "args", index + i], item) for i, item in enumerate(value)]
            elif kind is inspect.Parameter.VAR_KEYWORD:
                items = [(["body", "kwargs", key], item) for key, item in value.items()]
            else:
                items = [(loc if index < positional else [*loc, name], value)]
            for place, item in items:
                errors.extend(self._check_value(name, place, item))
        return errors

    def _check_value(self, name: str, loc: list[Any], value: Any) -> list[FieldError]:
        adapter = self.adapters.get(name)
        if adapter is None:
            return []
        try:
            # As JSON, because that is what the worker will get: a date is text here.
            adapter.validate_json(dump_json(value), strict=True)
        except ValidationError as exc:
            told = self.secret is not None and self.secret.hides(name)
            secrets = sensitive.spellings(value) if told else ()
            return [
                _error(
                    [*loc, *error["loc"]],
                    sensitive.conceal(f"{name}: {error['msg']}", secrets),
                    error["type"],
                )
                for error in exc.errors(include_url=False, include_input=False)
            ]
        return []


@dataclass(frozen=True, slots=True)
class Plain:
    """A signature of named parameters alone, which most are: to bind one is a matter of names."""

    positional: tuple[str, ...]
    names: frozenset[str]
    required: frozenset[str]

    @classmethod
    def of(cls, signature: inspect.Signature) -> Plain | None:
        """None for a signature that takes more than that."""
        parameters = signature.parameters.values()
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        if any(each.kind not in kinds for each in parameters):
            return None
        return cls(
            tuple(each.name for each in parameters if each.kind is kinds[0]),
            frozenset(each.name for each in parameters),
            frozenset(each.name for each in parameters if each.default is each.empty),
        )

    def bind(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any] | None:
        """The arguments by name; None if they do not fit, which is somebody else's to explain."""
        bound = dict(zip(self.positional, args, strict=False))
        if len(args) > len(bound) or not bound.keys().isdisjoint(kwargs):
            return None
        bound.update(kwargs)
        fits = self.required <= bound.keys() <= self.names
        return bound if fits else None


def _masks(secret: Sensitive, args: list[Any], kwargs: dict[str, Any]) -> list[FieldError]:
    """What an answer has shown instead of a value is none."""
    message = f"{MASK} stands for a value that is not shown: give the value itself"
    return [
        _error(["body", *place], message, "masked")
        for place in sensitive.masks(secret, args, kwargs)
    ]


def _loc(name: str, index: int, positional: int) -> list[Any]:
    return ["body", "args", index] if index < positional else ["body", "kwargs", name]


def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    try:
        adapter = TypeAdapter(annotation)
        adapter.json_schema()
    except (PydanticUserError, TypeError, NameError, ValueError):
        return None
    return adapter


def _schema(
    parameters: dict[str, inspect.Parameter],
    adapters: dict[str, TypeAdapter[Any]],
    declared: frozenset[str],
) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    positional: list[str] = []
    extra = False
    for name, parameter in parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            extra = True
            continue
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            schema["x-more-positional"] = True
            continue
        described = adapters[name].json_schema() if name in adapters else {}
        if parameter.default is inspect.Parameter.empty:
            required.append(name)
        elif _is_json(parameter.default):
            described = {**described, "default": parameter.default}
        if name in declared:
            # A form shows dots, and nobody the default.
            described = {**described, "writeOnly": True, "format": "password"}
            described.pop("default", None)
        properties[name] = described
        if parameter.kind in _POSITIONAL:
            positional.append(name)
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            # These are known by their place alone; a form has to send them so.
            schema.setdefault("x-positional-only", []).append(name)
    schema |= {"required": required, "additionalProperties": extra, "x-positional": positional}
    return schema


def _secret(
    parameters: Mapping[str, inspect.Parameter], declared: frozenset[str]
) -> Sensitive | None:
    """Which of these parameters are secrets; None: nothing says that one is."""
    kinds = {name: parameter.kind for name, parameter in parameters.items()}
    by_kind = {kind: name for name, kind in kinds.items()}
    rest = by_kind.get(inspect.Parameter.VAR_POSITIONAL)
    extra = by_kind.get(inspect.Parameter.VAR_KEYWORD)
    telling = frozenset(name for name in kinds if is_secret_name(name))
    if not declared and not telling:
        return None
    return Sensitive(
        declared,
        telling,
        positional=tuple(name for name, kind in kinds.items() if kind in _POSITIONAL),
        named=frozenset(name for name in kinds if name not in (rest, extra)),
        rest=rest,
        extra=extra,
    )


def _is_json(value: Any) -> bool:
    try:
        dump_json(value)
    except (TypeError, ValueError):
        return False
    return True


def _error(loc: list[Any], msg: str, kind: str) -> FieldError:
    return {"loc": loc, "msg": msg, "type": kind}
