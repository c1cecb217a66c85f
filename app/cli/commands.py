"""How a command is declared: `remote` ones get an `Api`, `local` ones the settings' database.

Both add `--json` (and `remote` also `--url` and `--token`) to the command's own options, so that
these may stand before the command's name or after it, the same everywhere.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, get_type_hints

import typer

from app.cli import filters
from app.cli.output import Output

# `envvar=` lets Typer read these two for the person at the keyboard. They say where a client
# connects, which is no setting of the system, so they are not in app/core/config.
RootUrl = Annotated[
    str | None,
    typer.Option("--url", envvar="TASKCTL_URL", help="Address of the API.", show_default=False),
]
RootToken = Annotated[
    str | None,
    typer.Option("--token", envvar="TASKCTL_TOKEN", help="API token.", show_default=False),
]
_Url = Annotated[str | None, typer.Option("--url", help="Address of the API (TASKCTL_URL).")]
_Token = Annotated[str | None, typer.Option("--token", help="API token (TASKCTL_TOKEN).")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.", show_default=False)]


@dataclass(frozen=True, slots=True)
class Shared:
    """The options given before the command's name."""

    url: str | None = None
    token: str | None = None
    as_json: bool = False


class OptionGroup(Protocol):
    """Options that several commands have, such as the module `app.cli.filters`."""

    # By the names of the parameters in which the command gets them.
    OPTIONS: dict[str, Any]

    def take(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take these options out of what a command was given; returns what they say."""


def remote(
    app: typer.Typer,
    name: str | None = None,
    *,
    filtered: bool = False,
    group: OptionGroup | None = None,
) -> Callable[[Callable[..., None]], None]:
    """Register a command that speaks to the API; it is called with `api` and `out` first.

    One with a group of options is called with what they say third; `filtered` is the group
    `app.cli.filters`.
    """
    group = filters if filtered else group

    def register(function: Callable[..., None]) -> None:
        def run(ctx: typer.Context, **given: Any) -> None:
            from app.cli.client import connect

            shared = _shared(ctx)
            url, token = given.pop("url"), given.pop("token")
            out = Output(as_json=given.pop("as_json") or shared.as_json)
            taken = [group.take(given)] if group else []
            with connect(url or shared.url, token or shared.token) as api:
                function(api, out, *taken, **given)

        options = {"url": _Url, "token": _Token, "as_json": Json}
        if group:
            options = {**group.OPTIONS, **options}
        skip = 2 if group is None else 3
        _register(app, name, function, run, skip=skip, options=options)

    return register


def local(app: typer.Typer, name: str | None = None) -> Callable[[Callable[..., None]], None]:
    """Register a command that works on this machine; it is called with `out` first."""

    def register(function: Callable[..., None]) -> None:
        def run(ctx: typer.Context, **given: Any) -> None:
            out = Output(as_json=given.pop("as_json") or _shared(ctx).as_json)
            function(out, **given)

        _register(app, name, function, run, skip=1, options={"as_json": Json})

    return register


def _shared(ctx: typer.Context) -> Shared:
    shared = ctx.find_root().obj
    return shared if isinstance(shared, Shared) else Shared()


def _register(
    app: typer.Typer,
    name: str | None,
    function: Callable[..., None],
    run: Callable[..., None],
    *,
    skip: int,
    options: dict[str, Any],
) -> None:
    """Give `run` the signature that Typer reads: the function's own options and the shared ones.

    The first `skip` parameters are filled in by `run`, not by the person.
    """
    # The commands know `Api` to the type checker only, so that reading them loads no HTTP client.
    hints = get_type_hints(function, include_extras=True, localns={"Api": Any})
    own = list(inspect.signature(function).parameters.values())[skip:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("ctx", keyword, annotation=typer.Context),
        *(p.replace(kind=keyword, annotation=hints[p.name]) for p in own),
        *(
            inspect.Parameter(
                key, keyword, annotation=kind, default=False if key == "as_json" else None
            )
            for key, kind in options.items()
        ),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    app.command(name or function.__name__.replace("_", "-"))(run)
