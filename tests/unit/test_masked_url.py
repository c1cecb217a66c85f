"""An address of a server in a log says where, and not by which password."""

from __future__ import annotations

import pytest

from app.core.config import masked_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:s3cret@broker:6379/0", "redis://:***@broker:6379/0"),
        ("postgresql://a:s3cret@db/tasks", "postgresql://a:***@db/tasks"),
        (
            "postgresql://a@db/tasks?password=s3cret&sslmode=require",
            "postgresql://a@db/tasks?password=***&sslmode=require",
        ),
        (
            "postgresql://a:s3cret@db/tasks?sslpassword=s3cret",
            "postgresql://a:***@db/tasks?sslpassword=***",
        ),
        ("postgresql:///tasks?user=a&password=s3cret", "postgresql:///tasks?user=a&password=***"),
        ("postgresql:///tasks?host=/run/postgresql", "postgresql:///tasks?host=/run/postgresql"),
        ("sqlite:////data/tasks.db", "sqlite:////data/tasks.db"),
        ("memory://", "memory://"),
    ],
)
def test_only_the_password_is_masked(url: str, shown: str) -> None:
    assert masked_url(url) == shown
