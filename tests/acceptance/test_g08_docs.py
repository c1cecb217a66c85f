"""G8: the API's own documentation works without internet access."""

from __future__ import annotations

import re

import httpx2
import pytest

from tests.support.stack import Stack

_LINK = re.compile(r"""(?:src|href)\s*=\s*["']([^"']+)["']""")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_g08_the_page_fetches_nothing_from_elsewhere(stack: Stack, path: str) -> None:
    page = httpx2.get(stack.url + path)
    assert page.status_code == 200
    assert not re.findall(r"https?://[^\s\"'<>]*\.(?:js|css|woff2?|png|svg|ico)", page.text)
    links = _LINK.findall(page.text)
    outside = [link for link in links if link.startswith(("http:", "https:", "//"))]
    assert outside == []
    for link in links:
        if link.startswith("/"):
            asset = httpx2.get(stack.url + link)
            assert asset.status_code == 200, link
            assert len(asset.content) > 100, link


def test_g08_the_description_is_served(stack: Stack) -> None:
    described = httpx2.get(stack.url + "/openapi.json").json()
    assert "/api/v1/tasks/" in described["paths"]
