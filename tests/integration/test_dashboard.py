"""Serving the page: one document for all of its addresses, a strict policy, files that are kept."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from app.api import dashboard
from app.core.config import Settings
from tests.support.api import Api, problem_of

DOCUMENT = """<!doctype html>
<meta name="csp-nonce" content="" />
<meta name="flower" content="" />
<script type="module" src="/ui/assets/index-1.js"></script>
"""
SCRIPT = "console.log('a page');\n" * 200
NONCE = re.compile(r'<meta name="csp-nonce" content="([^"]+)"')


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that is built, before the API begins to serve."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(DOCUMENT)
    (folder / "assets" / "index-1.js").write_text(SCRIPT)
    monkeypatch.setattr(dashboard, "BUILT", folder)
    return folder


@pytest.mark.usefixtures("built")
async def test_the_address_that_is_printed_leads_to_the_page(api: Api) -> None:
    answer = await api.stranger.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/ui/")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/tasks", "/ui/tasks/1234/../x", "/ui/api/v1"])
async def test_every_address_of_the_page_is_one_document(api: Api, path: str) -> None:
    answer = await api.stranger.get(path)
    assert answer.status_code == 200
    assert "/ui/assets/index-1.js" in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.usefixtures("built")
async def test_styles_are_let_in_by_a_nonce_that_is_new_each_time(api: Api) -> None:
    nonces = set()
    for _ in range(3):
        answer = await api.stranger.get("/ui/")
        policy = answer.headers["content-security-policy"]
        nonce = NONCE.findall(answer.text)[0]
        assert f"style-src 'self' 'nonce-{nonce}'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        nonces.add(nonce)
    assert len(nonces) == 3


@pytest.mark.usefixtures("built")
async def test_scripts_are_kept_and_come_compressed(api: Api) -> None:
    answer = await api.stranger.get("/ui/assets/index-1.js", headers={"Accept-Encoding": "gzip"})
    assert answer.text == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "javascript" in answer.headers["content-type"]


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("path", ["none.js", "../index.html", "%2e%2e/%2e%2e/secrets"])
async def test_a_file_that_is_not_there_is_not_kept(api: Api, path: str) -> None:
    answer = await api.stranger.get(f"/ui/assets/{path}")
    assert "immutable" not in answer.headers.get("cache-control", "")
    assert "a page" not in answer.text


@pytest.mark.usefixtures("built")
async def test_the_page_takes_no_address_from_the_api(api: Api) -> None:
    admin = await api.as_user()
    problem_of(await admin.get("/api/v1/nothing"), 404)
    problem_of(await admin.get("/uix"), 404)
    assert (await admin.post("/ui/")).status_code == 405


@pytest.mark.usefixtures("built")
async def test_the_page_links_to_flower_while_it_answers(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as flower:
        flower.bind(("127.0.0.1", 0))
        port = flower.getsockname()[1]
        there = settings.model_copy(update={"flower_port": port})
        monkeypatch.setattr(dashboard, "get_settings", lambda: there)
        assert f"localhost:{port}" not in (await api.stranger.get("/ui/")).text
        flower.listen()
        answer = await api.stranger.get("/ui/")
    assert f'<meta name="flower" content="http://localhost:{port}"' in answer.text


@pytest.mark.usefixtures("unbuilt")
async def test_without_the_page_the_api_serves_and_says_how_to_build_it(api: Api) -> None:
    answer = await api.stranger.get("/ui/tasks")
    assert (answer.status_code, answer.headers["location"]) == (307, "/")
    home = await api.stranger.get("/")
    assert home.status_code == 200
    assert "make page" in home.text
    assert (await api.stranger.get("/ui/assets/index-1.js")).status_code == 404
