"""Options and arguments that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

AtMost = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
OnlyType = Annotated[str | None, typer.Option("--type", help="Only this type.")]
OnlyFunction = Annotated[str | None, typer.Option("--task", help="Only this function.")]
OnlyQueue = Annotated[str | None, typer.Option(help="Only this queue.")]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ARGS",
        help="Arguments; read as JSON where they are JSON, else as text. "
        "Put -- before the first one that starts with a dash.",
        show_default=False,
    ),
]
Kwargs = Annotated[
    list[str] | None,
    typer.Option("--kwarg", "-k", metavar="NAME=VALUE", help="Keyword argument. Repeatable."),
]
