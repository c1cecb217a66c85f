"""`python -m bench.template`: migrate a database, and make its users and their tokens.

Prints the tokens as JSON. In a process of its own, whose settings name the database.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass

USER_EMAIL = "user@bench.example"


@dataclass(frozen=True, slots=True)
class Tokens:
    """API tokens of the administrator, who sees everything, and of a user with tasks of his own."""

    admin: str
    user: str
    user_id: str


async def _accounts() -> Tokens:
    from app.core.security import Scope
    from app.db.session import async_session
    from app.services import auth

    async with async_session() as db:
        await auth.ensure_admin(db)
        user = await auth.create_user(db, USER_EMAIL)
        scopes = [Scope.TASKS_READ, Scope.TASKS_WRITE]
        _, admins = await auth.create_token(db, auth.ADMIN_EMAIL, scopes=scopes)
        _, users = await auth.create_token(db, USER_EMAIL, scopes=scopes)
    return Tokens(admins, users, str(user.id))


def main() -> None:
    """Make everything."""
    from app.db.migrate import upgrade

    upgrade()
    print(json.dumps(asdict(asyncio.run(_accounts()))))


if __name__ == "__main__":
    main()
