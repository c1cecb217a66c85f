"""Which brokers there may be."""

from __future__ import annotations

import pytest

from app.core.errors import ConfigurationError
from tests.support.environment import use_settings


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("sentinel://:secret@10.0.0.1:26379;sentinel://:secret@10.0.0.2:26379", "sentinel://"),
        ("redis+sentinel://:secret@10.0.0.1:26379/mymaster/0", r"redis\+sentinel://"),
        ("rediss-cluster://:secret@10.0.0.1:7000", "rediss-cluster://"),
        ("redis+cluster://:secret@10.0.0.1:7000", r"redis\+cluster://"),
        ("amqp://guest:secret@localhost//", "amqp://"),
        (
            "redis://:secret@10.0.0.1:6379/0;redis://:secret@10.0.0.2:6379/0",
            "more than one address",
        ),
        (":secret@localhost", "no scheme"),
    ],
)
def test_any_but_one_server_is_refused_with_the_cure(
    clean_settings: pytest.MonkeyPatch, url: str, named: str
) -> None:
    said = rf"^CELERY_BROKER_URL: {named}.* refused.*redis://localhost:6379/0.*proxy that follows"
    with pytest.raises(ConfigurationError, match=said) as refused:
        use_settings(clean_settings, celery_broker_url=url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["redis://localhost", "redis://user:pass@[::1]:6379/3", "rediss://h:6380/0", "memory://"]
)
def test_one_server_is_taken(clean_settings: pytest.MonkeyPatch, url: str) -> None:
    assert use_settings(clean_settings, celery_broker_url=url).celery_broker_url == url
