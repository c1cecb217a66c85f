"""What an identity provider's settings may say, and who is who by its tokens."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from pydantic import ValidationError

from app.core import provider
from app.core.config import Settings
from app.core.security import Role
from app.services import oidc_users
from app.services.oidc_users import user_id_of

ISSUER = "https://login.example.com/realms/main"
PRODUCTION = {"app_env": "production", "secret_key": "k" * 40, "flower_password": "long enough"}


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def test_the_roles_are_those_of_the_program() -> None:
    assert tuple(role.value for role in Role) == provider.ROLES
    assert provider.roles_by_value([]) == {role.value: role.value for role in Role}


def test_values_of_a_claim_stand_for_roles() -> None:
    entries = ["task-admins=admin", " staff = user", "CN=ops,OU=it=operator", "*=user"]
    assert provider.roles_by_value(entries) == {
        "task-admins": "admin", "staff": "user", "CN=ops,OU=it": "operator", "*": "user",
    }  # fmt: skip


@pytest.mark.parametrize("entry", ["staff", "staff=king", "=admin", "staff=", "=", ""])
def test_what_names_no_role_stops_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match="not VALUE=ROLE"):
        provider.roles_by_value([entry])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"oidc_issuer": ISSUER}, "needs OIDC_AUDIENCE"),
        ({"oidc_audience": "tasks"}, "need OIDC_ISSUER"),
        ({"oidc_jwks_url": ISSUER}, "need OIDC_ISSUER"),
        ({"oidc_issuer": "login.example.com", "oidc_audience": "tasks"}, "not an address"),
        ({"oidc_issuer": "file:///etc/keys", "oidc_audience": "tasks"}, "not an address"),
        ({"oidc_issuer": "https://[::1", "oidc_audience": "tasks"}, "not an address"),
        (
            {"oidc_issuer": ISSUER, "oidc_audience": "tasks", "oidc_jwks_url": "keys"},
            "OIDC_JWKS_URL=keys is not an address",
        ),
        ({"oidc_roles": "staff=king"}, "not VALUE=ROLE"),
    ],
)
def test_a_provider_that_would_let_in_the_wrong_ones_stops_the_start(
    values: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a person writes them: lists are text there.
    for name, value in values.items():
        monkeypatch.setenv(name.upper(), value)
    with pytest.raises(ValidationError, match=reason):
        settings()


@pytest.mark.parametrize(
    ("url", "private"),
    [
        (ISSUER, True),
        ("http://login.example.com", False),
        ("http://10.0.0.7/", False),
        ("http://127.0.0.1:8080/realms/main", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost.example.com", False),
        ("ftp://localhost", False),
    ],
)
def test_in_production_nobody_may_change_the_keys_on_their_way(url: str, private: bool) -> None:
    assert provider.is_private(url) is private
    given = {"oidc_issuer": url, "oidc_audience": "tasks"}
    if not url.startswith("ftp"):
        settings(**given)
    if private:
        settings(**PRODUCTION, **given)
        settings(**PRODUCTION, oidc_issuer=ISSUER, oidc_audience="t", oidc_jwks_url=url)
        return
    with pytest.raises(ValidationError, match=r"OIDC_ISSUER|not an address"):
        settings(**PRODUCTION, **given)
    with pytest.raises(ValidationError, match=r"OIDC_JWKS_URL|not an address"):
        settings(**PRODUCTION, oidc_issuer=ISSUER, oidc_audience="t", oidc_jwks_url=url)


def test_a_person_has_one_id_and_nobody_elses() -> None:
    people = [(ISSUER, "ada"), (ISSUER, "bob"), (ISSUER + "/", "ada"), (ISSUER + "a", "da")]
    ids = [user_id_of(*person) for person in people]
    assert len(set(ids)) == len(people)
    assert ids == [user_id_of(*person) for person in people]
    assert {each.version for each in ids} == {8}
    assert {each.variant for each in ids} == {uuid.RFC_4122}


@pytest.mark.parametrize("name", ["admin", "Admin"])
def test_nobody_is_called_like_the_administrator_of_the_installation(name: str) -> None:
    claims = {
        "iss": "http://localhost:8080/realms/main",
        "sub": name,
        "email": f"{name}@localhost",
        "email_verified": True,
    }
    user_id = user_id_of("issuer", name)
    assert list(oidc_users._names(user_id, claims)) == [f"{user_id}@localhost"]


def test_an_email_that_is_longer_than_any_names_nobody() -> None:
    claims = {"iss": ISSUER, "sub": "ada", "email": "a@" + "b" * 300, "email_verified": True}
    user_id = user_id_of(ISSUER, "ada")
    expected = ["ada@login.example.com", f"{user_id}@login.example.com"]
    assert list(oidc_users._names(user_id, claims)) == expected
