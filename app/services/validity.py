"""Whether whoever opened a stream may still read: token not revoked, user not disabled.

Each stream asks every few seconds. Those that ask at about the same moment share one look, so that
a thousand streams cost hardly more than one.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from app.core.security import Principal
from app.db.session import read_session
from app.queries import users as queries

GATHER_SECONDS = 0.2

# Whether it is a token's id or a user's: sessions and view tokens last as long as their user.
_Who = tuple[bool, uuid.UUID]
_Asked = dict[_Who, "asyncio.Future[bool]"]
_asked: WeakKeyDictionary[asyncio.AbstractEventLoop, _Asked] = WeakKeyDictionary()
# The loop keeps only weak references.
_looks: set[asyncio.Task[None]] = set()


async def still_valid(principal: Principal) -> bool:
    """The answer, after `GATHER_SECONDS`. Raises what the database raises when it is away."""
    loop = asyncio.get_running_loop()
    asked = _asked.setdefault(loop, {})
    token_id = principal.token_id
    who = (False, principal.user_id) if token_id is None else (True, token_id)
    if not asked:
        look = loop.create_task(_answer(asked))
        _looks.add(look)
        look.add_done_callback(_looks.discard)
    if who not in asked:
        asked[who] = loop.create_future()
    # Whoever gives up does not take the answer from the others.
    return await asyncio.shield(asked[who])


async def _answer(asked: _Asked) -> None:
    await asyncio.sleep(GATHER_SECONDS)
    group = dict(asked)
    asked.clear()
    try:
        valid = await _valid_of(group)
    except Exception as exc:  # noqa: BLE001 - theirs who asked
        for future in group.values():
            future.set_exception(exc)
            future.exception()  # it need not be anybody's who still waits
        return
    for who, future in group.items():
        future.set_result(who in valid)


async def _valid_of(group: Iterable[_Who]) -> set[_Who]:
    tokens = {each for is_token, each in group if is_token}
    users = {each for is_token, each in group if not is_token}
    async with read_session() as db:
        live_tokens = await db.scalars(queries.live_tokens(tokens)) if tokens else ()
        live_users = await db.scalars(queries.live_users(users)) if users else ()
    return {(True, each) for each in live_tokens} | {(False, each) for each in live_users}
