"""The commands, assembled."""

from __future__ import annotations

import typer

from app.cli import (
    acting,
    admin,
    audit,
    bulk,
    dead,
    diagnosis,
    errors,
    launch,
    limits,
    moving,
    queues,
    run_here,
    schedules,
    statistics,
    tasks,
    top,
    users,
    watching,
    webhooks,
)
from app.cli.commands import Json, RootToken, RootUrl, Shared

_HELP = (
    "Submit tasks, follow them and look after the task system.\n\n"
    "Commands about tasks use the REST API: at --url or TASKCTL_URL (default: the address in the "
    "settings), with --token or TASKCTL_TOKEN. On a development machine no token is needed."
)
_EPILOG = (
    "Exit codes: 0 done, 1 the task failed or doctor or verify found a problem, 2 wrong command "
    "line, or verify could not look, 3 the watched task was cancelled or deleted, 4 not carried "
    "out (the reason is on stderr), 130 Ctrl-C."
)

app = typer.Typer(
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    # A traceback is for bugs and Typer's would print local variables, tokens among them.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root(
    ctx: typer.Context,
    url: RootUrl = None,
    token: RootToken = None,
    as_json: Json = False,
) -> None:
    ctx.obj = Shared(url=url, token=token, as_json=as_json)


launch.add(app)
tasks.add(app)
acting.add(app)
watching.add(app)
bulk.add(app)
statistics.add(app)
top.add(app)
errors.add(app)
webhooks.add(app)
schedules.add(app)
queues.add(app)
limits.add(app)
run_here.add(app)
users.add(app)
admin.add(app)
moving.add(app)
audit.add(app)
dead.add(app)
diagnosis.add(app)
