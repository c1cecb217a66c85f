"""One request: to which address it goes, under which name, and where it does not go."""

from __future__ import annotations

import ssl
import time
from ipaddress import ip_address

import pytest

from app.core.errors import ConfigurationError
from app.domain.addresses import Address
from app.services import webhook_post
from app.services.webhook_post import Answered, Poster
from tests.support.environment import use_settings
from tests.support.processes import free_port
from tests.support.receiver import CERTIFICATE, receiving

HOST = "hooks.example.test"


class Names:
    """A name server: each look at a name gets the next answer; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked = 0
        self._answers = answers

    async def __call__(self, host: str, port: int) -> list[Address]:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [ip_address(each) for each in answer]


@pytest.fixture
def allowed(clean_settings: pytest.MonkeyPatch) -> None:
    """The receiver's address may be called, and no other of this machine."""
    use_settings(clean_settings, webhook_allowed_networks="127.0.0.1/32")


async def post(url: str, names: Names | None = None, **options: object) -> Answered:
    poster = Poster(names, **options)  # type: ignore[arg-type]
    return await poster.post(url, {"Content-Type": "application/json"}, b"{}")


async def test_a_name_is_resolved_once_and_its_address_called_under_the_name(
    allowed: None,
) -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    with receiving(host=HOST) as receiver:
        assert (await post(receiver.url, names)).status == 204
        assert receiver.received[0].headers["host"] == f"{HOST}:{receiver.port}"
    assert names.asked == 1


async def test_a_name_that_says_something_else_the_second_time_leads_nowhere(
    allowed: None,
) -> None:
    """Rebinding: public when it is looked at, private when it is looked at again."""
    names = Names(["127.0.0.1"], ["127.0.0.3"], ["10.0.0.1"])
    with receiving(host=HOST) as receiver:
        answers = [await post(receiver.url, names) for _ in range(3)]
        assert len(receiver.received) == 1
    assert [each.succeeded for each in answers] == [True, False, False]
    assert "127.0.0.3 is not a public address" in str(answers[1].error)
    assert "10.0.0.1 is not a public address" in str(answers[2].error)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", "169.254.169.254"],
        ["10.0.0.1", "127.0.0.1"],
        ["127.0.0.1", "::1"],
        ["fe80::1"],
    ],
)
async def test_one_refused_address_is_enough(allowed: None, addresses: list[str]) -> None:
    with receiving(host=HOST) as receiver:
        answered = await post(receiver.url, Names(addresses))
        assert receiver.received == []
    assert not answered.succeeded
    assert "not a public address" in str(answered.error)


async def test_by_default_nothing_of_this_machine_is_called(
    clean_settings: pytest.MonkeyPatch,
) -> None:
    use_settings(clean_settings)
    with receiving() as receiver:
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
            answered = await post(f"http://{host}:{receiver.port}/")
            assert "not a public address" in str(answered.error), host
        assert receiver.received == []


async def test_the_next_address_is_tried_when_one_does_not_answer(
    clean_settings: pytest.MonkeyPatch,
) -> None:
    use_settings(clean_settings, webhook_allowed_networks="127.0.0.0/8")
    with receiving(host=HOST) as receiver:
        # The receiver listens on the second one only.
        assert (await post(receiver.url, Names(["127.0.0.2", "127.0.0.1"]))).succeeded
        assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:FREE/", "ConnectError"),
        ("http://no-such-name.invalid/", "cannot be resolved"),
        ("ftp://127.0.0.1/", "https://"),
    ],
)
async def test_why_nothing_was_sent_is_said(allowed: None, url: str, said: str) -> None:
    answered = await post(url.replace("FREE", str(free_port())))
    assert answered.status is None
    assert said in str(answered.error)


async def test_who_answers_too_late_is_given_up(
    allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_post, "TIMEOUT_SECONDS", 0.3)
    with receiving() as receiver:
        receiver.held.clear()
        began = time.monotonic()
        answered = await post(receiver.url)
        assert time.monotonic() - began < 9
    assert answered == Answered(error="No answer within 0.3 s")


async def test_no_proxy_of_the_environment_is_used(
    allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with receiving() as receiver:
        assert (await post(receiver.url)).succeeded


@pytest.mark.parametrize("network", ["10.1.0.1/16", "localhost", "10.1.0.0/33"])
def test_a_network_that_is_none_stops_the_start_with_the_reason(
    clean_settings: pytest.MonkeyPatch, network: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"WEBHOOK_ALLOWED_NETWORKS: .*not a network"):
        use_settings(clean_settings, webhook_allowed_networks=f"127.0.0.0/8, {network}")


# TLS: the certificate must be for the name, whatever the address is.


@pytest.fixture
def server_side() -> ssl.SSLContext:
    """A receiver with a certificate for `HOST` that vouches for itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def test_the_certificate_is_asked_for_by_name_and_must_be_for_it(
    allowed: None, server_side: ssl.SSLContext
) -> None:
    trust = ssl.create_default_context(cafile=str(CERTIFICATE))
    names = Names(["127.0.0.1"])
    with receiving(tls=server_side, scheme="https", host=HOST) as receiver:
        assert (await post(receiver.url, names, trust=trust)).succeeded
        assert receiver.names == [HOST]
        other = receiver.url.replace(HOST, "other.example.test")
        refused = await post(other, names, trust=trust)
        assert "CERTIFICATE_VERIFY_FAILED" in str(refused.error)
        unknown = await post(receiver.url, names)
        assert "CERTIFICATE_VERIFY_FAILED" in str(unknown.error)
        assert len(receiver.received) == 1
