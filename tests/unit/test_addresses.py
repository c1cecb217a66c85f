"""Which URLs and addresses the system calls for somebody."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from app.domain.addresses import MAX_URL, Refused, require_allowed, target_of


@pytest.mark.parametrize(
    "address",
    [
        # This machine, and none at all.
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::1", "::",
        # Private networks, carriers' networks, neighbours on the link.
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255",
        "169.254.1.1", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1",
        # Metadata of clouds.
        "169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192",
        # Many at once, examples, benchmarks, what is reserved.
        "224.0.0.1", "239.255.255.255", "ff02::1", "255.255.255.255", "240.0.0.1", "192.0.2.1",
        "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1", "2001:db8::1", "3fff::1",
        "100::1", "4000::1", "5f00::1",
        # The same in other clothes: mapped, compatible, NAT64, 6to4, Teredo.
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "::169.254.169.254", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
        "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1", "2001:0:4136:e378::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="WEBHOOK_ALLOWED_NETWORKS"):
        require_allowed(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1",
     "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"],
)  # fmt: skip
def test_a_public_address_is_called(address: str) -> None:
    require_allowed(ip_address(address))


def test_what_is_allowed_is_called_and_nothing_beside_it() -> None:
    allowed = [ip_network("10.1.0.0/16"), ip_network("::1/128")]
    for address in ("10.1.2.3", "::1", "::ffff:10.1.2.3"):
        require_allowed(ip_address(address), allowed)
    with pytest.raises(Refused):
        require_allowed(ip_address("10.2.0.1"), allowed)


@pytest.mark.parametrize(
    "url",
    [
        # Other schemes, none, and http where it is not allowed.
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "example.com/hook",
        "//example.com/", "https:/example.com", "https:example.com", "", "http://example.com/",
        # Credentials, fragments, what a parser could read otherwise.
        "https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/",
        "https://a@127.0.0.1/", "https://example.com#@evil.com/", "https://example.com/#x",
        "https://example.com\\@evil.com/", "https://exa mple.com/", "https://example.com/\n",
        "https://example.com/\x00", "https://ex\tample.com/", "https://bücher.example/",
        "https://example.com:https/", "https://example.com:0/", "https://example.com:65536/",
        # Ports that speak something else.
        "https://example.com:22/", "https://example.com:25/", "https://example.com:443443/",
        # Addresses in odd spellings.
        "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/",
        "https://127.1/", "https://127.0.1/", "https://127.0.0.01/", "https://127.0.0.1./",
        "https://[::1/", "https://[127.0.0.1]/", "https://[v1.x]/", "https://[fe80::1%25eth0]/",
        "https://1.2.3.4.5/", "https://0/", "https://①②⑦.0.0.1/", "https://%31%32%37.0.0.1/",
        # Names that are none.
        "https:///hook", "https://./", "https://example.com./", "https://.example.com/",
        "https://a..b/", "https://-a.example/", "https://a-.example/", f"https://{'a' * 64}.com/",
        f"https://{'a.' * 130}com/", f"https://example.com/{'a' * MAX_URL}", "https://a.0x1/",
    ],
)  # fmt: skip
def test_an_odd_url_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        target_of(url, allow_http=False)


@pytest.mark.parametrize(
    ("url", "host", "port", "header"),
    [
        ("https://example.com", "example.com", 443, "example.com"),
        ("https://Example.COM:443/a?b=%20c", "example.com", 443, "example.com"),
        ("https://hooks.example.com:8443/", "hooks.example.com", 8443, "hooks.example.com:8443"),
        ("http://localhost:8000/", "localhost", 8000, "localhost:8000"),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80, "xn--bcher-kva.example"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "8.8.8.8"),
        ("https://[2606:4700::1111]:8443/", "2606:4700::1111", 8443, "[2606:4700::1111]:8443"),
        ("https://1.example.com/", "1.example.com", 443, "1.example.com"),
    ],
)
def test_a_url_names_a_host_and_a_port(url: str, host: str, port: int, header: str) -> None:
    target = target_of(url, allow_http=True)
    assert (target.host, target.port, target.header) == (host, port, header)
