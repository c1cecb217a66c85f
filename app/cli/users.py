"""`token create|list|rotate|revoke` and `user create|list|disable|enable|sign-in-link`.

They work in the database.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from app.cli.commands import local
from app.cli.failures import CliError, ExitCode
from app.cli.output import Output
from app.cli.values import Role, duration

if TYPE_CHECKING:
    from app.models import Token, User

_MAX_ROWS = 10_000
_TOKEN_COLUMNS = (
    "id", "user", "name", "prefix", "scopes", "expires_at", "last_used_at", "revoked_at",
)  # fmt: skip
TokenId = Annotated[str, typer.Argument(metavar="ID", help="Id, or the beginning of its text.")]
Overlap = Annotated[
    int, typer.Option(metavar="SECONDS", min=0, max=604_800, help="How long the old one works on.")
]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Email, which is the user's name.")]


def add(app: typer.Typer) -> None:
    """Register both groups."""
    tokens = typer.Typer(help="API tokens of this system's users.", no_args_is_help=True)
    local(tokens, "create")(create_token)
    local(tokens, "list")(list_tokens)
    local(tokens, "rotate")(rotate_token)
    local(tokens, "revoke")(revoke_token)
    users = typer.Typer(help="Users of this system.", no_args_is_help=True)
    local(users, "create")(create_user)
    local(users, "list")(list_users)
    local(users, "disable")(disable_user)
    local(users, "enable")(enable_user)
    local(users, "sign-in-link")(sign_in_link)
    app.add_typer(tokens, name="token")
    app.add_typer(users, name="user")


def create_token(
    out: Output,
    user: Annotated[str, typer.Option("--user", help="Email of its owner.")],
    scope: Annotated[list[str] | None, typer.Option(help="Only for this. Repeatable.")] = None,
    expires: Annotated[str, typer.Option(help="30d, 12h, 15m, or never.")] = "never",
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Make an API token and print it, alone; it is not shown again."""
    from sqlalchemy.ext.asyncio import AsyncSession

    from app.cli.database import Action, in_database
    from app.services import auth

    life = duration(expires)
    expires_in = life.total_seconds() if life else None

    async def make(db: AsyncSession) -> tuple[Token, str]:
        if user == auth.ADMIN_EMAIL:
            await auth.ensure_admin(db)
        return await auth.create_token(
            db, user, name=name, scopes=scope, expires_in=expires_in, bounded=False
        )

    told = {"user": user, "name": name, "scopes": scope, "expires_in": expires_in}
    token, plain = in_database(make, Action("token create", told))
    out.result({"token": plain, **_token_facts(token, user)}, plain)


def list_tokens(
    out: Output,
    user: Annotated[str | None, typer.Option("--user", help="Only this owner's.")] = None,
) -> None:
    """List tokens, newest first; their text is not kept."""
    from app.cli.database import in_database
    from app.services import auth

    found = in_database(lambda db: auth.list_tokens(db, None, 0, _MAX_ROWS))
    facts = [_token_facts(token, email) for token, email in found if user in (None, email)]
    titles = [name.removesuffix("_at").replace("_", " ").upper() for name in _TOKEN_COLUMNS]
    out.items(facts, titles, _token_row)


def _token_row(facts: dict[str, Any]) -> list[Any]:
    values = (facts[name] for name in _TOKEN_COLUMNS)
    return [", ".join(value) if isinstance(value, list) else value for value in values]


def rotate_token(out: Output, token: TokenId, overlap: Overlap = 86_400) -> None:
    """Replace a token by a new one like it, and print that, alone; it is not shown again."""
    from app.cli.database import Action, in_database
    from app.services import auth

    token_id = _chosen(token)
    made, plain = in_database(
        lambda db: auth.rotate_token(db, token_id, None, overlap_seconds=overlap, bounded=False),
        Action("token rotate", {"overlap_seconds": overlap}, {"token_id": str(token_id)}),
    )
    out.result({"token": plain, **_token_facts(made, None)}, plain)


def revoke_token(out: Output, token: TokenId) -> None:
    """Revoke a token: it is refused from now on."""
    from app.cli.database import Action, in_database
    from app.services import auth

    token_id = _chosen(token)
    revoked = in_database(
        lambda db: auth.revoke_token(db, token_id, None),
        Action("token revoke", target={"token_id": str(token_id)}),
    )
    out.result(_token_facts(revoked, None), f"Revoked {revoked.prefix}... ({revoked.id})")


def create_user(
    out: Output,
    email: Email,
    role: Annotated[Role, typer.Option(help="user: own tasks; operator: all; admin: people too.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Create a user. Without a password the user can only use tokens."""
    from app.cli.database import Action, in_database
    from app.services import auth

    password = None
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if len(password) < 8:
            raise CliError(
                "The password on standard input is shorter than 8 characters; nothing was made",
                code=ExitCode.USAGE,
            )
    user = in_database(
        lambda db: auth.create_user(db, email, role.value, password),
        Action("user create", {"email": email, "role": role.value}),
    )
    if out.as_json:
        out.json(_user_facts(user))
    else:
        out.line(f"Created {user.email} ({user.role})")
        out.note(f"A token for the API: taskctl token create --user {user.email}")


def list_users(out: Output) -> None:
    """List users by email."""
    from app.cli.database import in_database
    from app.services import auth

    found = in_database(lambda db: auth.list_users(db, 0, _MAX_ROWS))
    facts = [_user_facts(user) for user in found]
    out.items(facts, ("ID", "EMAIL", "ROLE", "CREATED", "DISABLED"), lambda fact: [*fact.values()])


def disable_user(out: Output, email: Email) -> None:
    """Shut a user out: no token, session, link or password of theirs counts any more."""
    _set_disabled(out, email, disabled=True)


def enable_user(out: Output, email: Email) -> None:
    """Let a disabled user in again: what has not ended meanwhile counts as before."""
    _set_disabled(out, email, disabled=False)


def _set_disabled(out: Output, email: str, *, disabled: bool) -> None:
    from app.cli.database import Action, in_database
    from app.services import auth

    user = in_database(
        lambda db: auth.set_disabled(db, email, disabled=disabled),
        Action("user disable" if disabled else "user enable", {"email": email}),
    )
    out.result(_user_facts(user), f"{'Disabled' if disabled else 'Enabled'} {user.email}")


def sign_in_link(
    out: Output,
    email: Email,
    base: Annotated[
        str | None,
        typer.Option(help="Where the browser reaches the API, if not on this machine."),
    ] = None,
) -> None:
    """Make a link that signs a browser in, once and within ten minutes, and print it, alone."""
    from app.cli.database import Action, in_database
    from app.core.address import SIGN_IN_PATH, browser_url
    from app.services import browser_session

    secret = in_database(
        lambda db: browser_session.create_link(db, email),
        Action("user sign-in-link", {"email": email}),
    )
    link = f"{(base or browser_url()).rstrip('/')}{SIGN_IN_PATH}?token={secret}"
    out.result({"link": link, "expires_in": browser_session.LINK_SECONDS}, link)


def _chosen(word: str) -> UUID:
    """The token meant by an id, or by a beginning that only one has."""
    from app.cli.database import in_database
    from app.services import auth

    tokens = [row for row, _ in in_database(lambda db: auth.list_tokens(db, None, 0, _MAX_ROWS))]
    matching = [row.id for row in tokens if str(row.id) == word.lower()]
    # The whole text also begins with the kept prefix: pasting a leaked token revokes it.
    matching += [
        row.id for row in tokens if row.prefix.startswith(word) or word.startswith(row.prefix)
    ]
    if len(set(matching)) != 1:
        what = "No token has" if not matching else "More than one token has"
        raise CliError(f"{what} this id or beginning; `taskctl token list` shows them all")
    return matching[0]


def _token_facts(token: Token, email: str | None) -> dict[str, Any]:
    return {
        "id": str(token.id),
        **({"user": email} if email else {}),
        "name": token.name,
        "prefix": token.prefix,
        "scopes": list(token.scopes),
        "created_at": _time(token.created_at),
        "expires_at": _time(token.expires_at),
        "last_used_at": _time(token.last_used_at),
        "revoked_at": _time(token.revoked_at),
        "replaced_by": None if token.replaced_by is None else str(token.replaced_by),
    }


def _user_facts(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "email": user.email,
        "role": user.role,
        "created_at": _time(user.created_at),
        "disabled_at": _time(user.disabled_at),
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="seconds").replace("+00:00", "Z")
