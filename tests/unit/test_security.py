"""Roles, scopes, tokens and passwords."""

from __future__ import annotations

import uuid

import pytest

from app.core import security
from app.core.security import CEILING, Principal, Role, Scope


def _principal(role: Role, *scopes: Scope) -> Principal:
    return Principal(uuid.uuid4(), "bob@example.org", role, frozenset(scopes))


def test_a_role_bounds_its_scopes() -> None:
    assert not _principal(Role.USER, Scope.USERS_WRITE).has(Scope.USERS_WRITE)
    assert _principal(Role.ADMIN, Scope.USERS_WRITE).has(Scope.USERS_WRITE)


def test_a_higher_role_may_all_that_a_lower_one_may() -> None:
    assert CEILING[Role.USER] < CEILING[Role.OPERATOR] < CEILING[Role.ADMIN] == set(Scope)


def test_reporting_must_be_asked_for_except_by_an_admin() -> None:
    assert Scope.TASKS_REPORT not in security.default_scopes(Role.USER)
    assert Scope.TASKS_REPORT in CEILING[Role.USER]
    assert Scope.TASKS_REPORT in security.default_scopes(Role.ADMIN)


def test_users_see_their_own_tasks_and_operators_all() -> None:
    user, operator = _principal(Role.USER), _principal(Role.OPERATOR)
    assert (user.owner, operator.owner) == (user.user_id, None)


def test_tokens_are_long_and_only_their_hash_can_be_kept() -> None:
    token = security.new_token()
    assert token.startswith("tsk_")
    assert len(token) > 40
    assert token != security.new_token()
    assert token not in security.token_hash(token)
    assert len(security.shown_prefix(token)) < len(token) / 2


def test_a_view_token_says_which_task() -> None:
    task, user = uuid.uuid4(), uuid.uuid4()
    grant = security.read_view(security.sign_view(task, user))
    assert grant is not None
    assert (grant.task_id, grant.user_id) == (task, user)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "." * 500])
def test_a_broken_view_token_grants_nothing(token: str) -> None:
    assert security.read_view(token) is None


def test_a_changed_view_token_grants_nothing() -> None:
    token = security.sign_view(uuid.uuid4(), uuid.uuid4())
    middle = len(token) // 2  # the last character of base64 has bits that mean nothing
    other = "A" if token[middle] != "A" else "B"
    assert security.read_view(token[:middle] + other + token[middle + 1 :]) is None
    assert security.read_view("A" + token) is None


def test_an_old_view_token_grants_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    token = security.sign_view(uuid.uuid4(), uuid.uuid4())
    monkeypatch.setattr(security, "VIEW_SECONDS", -1)
    assert security.read_view(token) is None


async def test_a_password_fits_its_own_hash_only() -> None:
    stored = await security.hash_password("correct horse")
    assert await security.verify_password("correct horse", stored)
    assert not await security.verify_password("battery staple", stored)
    assert not await security.verify_password("correct horse", None)
    assert not await security.verify_password("correct horse", "no hash")
