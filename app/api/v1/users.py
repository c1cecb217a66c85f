"""Users."""

from __future__ import annotations

from app.api.contract import problems
from app.api.rights import SignedIn, UsersRead, UsersWrite
from app.api.routing import Router
from app.api.sessions import Db, ReadDb
from app.models import User as UserRow
from app.schemas.account import Me, User, UserCreate
from app.schemas.common import Limit, Skip
from app.services import auth

router = Router(prefix="/users", tags=["account"])


@router.post("", status_code=201, response_model=User, responses=problems(409))
async def create_user(_: UsersWrite, body: UserCreate, db: Db) -> UserRow:
    """Create a user."""
    return await auth.create_user(db, body.email, body.role, body.password)


@router.get("", response_model=list[User])
async def list_users(_: UsersRead, db: ReadDb, skip: Skip = 0, limit: Limit = 100) -> list[UserRow]:
    """List users by email."""
    return await auth.list_users(db, skip, limit)


@router.get("/me", response_model=Me)
async def get_me(caller: SignedIn, db: ReadDb) -> Me:
    """Get the user behind the token, and what the token may be used for."""
    user = await auth.get_user(db, caller.user_id)
    usable = sorted(scope.value for scope in caller.scopes if caller.has(scope))
    return Me(**User.model_validate(user).model_dump(), scopes=usable)
