"""An identity provider: a real HTTP server with keys of its own, and the tokens that it signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "tasksystem"
DISCOVERY = "/.well-known/openid-configuration"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass
class Key:
    """A key to sign with, and what is published of it."""

    id: str
    algorithm: str
    private: PrivateKey

    @property
    def published(self) -> dict[str, Any]:
        """As it stands in the key set."""
        public: Any = self.private.public_key()
        of: Any = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}[
            self.algorithm
        ]
        shown = json.loads(of.to_jwk(public))
        return {**shown, "kid": self.id, "alg": self.algorithm, "use": "sig"}

    @property
    def pem(self) -> bytes:
        """The public half as everybody can have it."""
        return self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )


def new_key(name: str, algorithm: str = "ES256") -> Key:
    """A fresh key."""
    if algorithm == "RS256":
        return Key(name, algorithm, rsa.generate_private_key(65_537, 2048))
    if algorithm == "EdDSA":
        return Key(name, algorithm, ed25519.Ed25519PrivateKey.generate())
    return Key(name, algorithm, ec.generate_private_key(ec.SECP256R1()))


@dataclass
class Issuer:
    """`keys` are those it publishes now, the first of which signs. `status` is what it answers."""

    port: int = 0
    keys: list[Key] = field(default_factory=lambda: [new_key("first")])
    status: int = 200
    # What it calls itself, where that is to be something else than what it is.
    called: str | None = None
    asked: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its name."""
        return f"http://127.0.0.1:{self.port}/realms/main"

    @property
    def fetches(self) -> int:
        """How often its keys were asked for."""
        return sum(path.endswith("/keys") for path in self.asked)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Settings of a system that trusts it."""
        return {"oidc_issuer": self.url, "oidc_audience": AUDIENCE, **changes}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a sound token says; `...` leaves a claim out."""
        now = int(time.time())
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ada",
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "email": "ada@example.org",
            "email_verified": True,
            "roles": ["user"],
            **changes,
        }
        return {name: value for name, value in said.items() if value is not ...}

    def token(self, key: Key | None = None, /, **changes: Any) -> str:
        """A signed token."""
        key = key or self.keys[0]
        said = json.dumps(self.claims(**changes)).encode()
        # Not by `jwt.encode`, which would refuse claims that make no sense.
        return jwt.PyJWS().encode(said, key.private, key.algorithm, headers={"kid": key.id})

    def forged(self, header: dict[str, Any], secret: bytes | None, **changes: Any) -> str:
        """A token that somebody else has made: signed with a secret by HS256, or not at all."""
        text = f"{_base64(header)}.{_base64(self.claims(**changes))}"
        if secret is None:
            return f"{text}."
        digest = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    def answer(self, path: str) -> Any:
        """What it says at a path."""
        if path == f"/realms/main{DISCOVERY}":
            return {"issuer": self.called or self.url, "jwks_uri": f"{self.url}/keys"}
        return {"keys": [key.published for key in self.keys]}


def _base64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@contextmanager
def issuing(**options: Any) -> Iterator[Issuer]:
    """An issuer that answers until the block ends."""
    issuer = Issuer(**options)
    issuer.held.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            issuer.held.wait()
            body = json.dumps(issuer.answer(self.path)).encode()
            self.send_response(issuer.status)
            if issuer.status in (301, 302, 307, 308):
                self.send_header("Location", f"{issuer.url}/keys")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass  # whoever asked has gone

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    issuer.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        issuer.held.set()
        server.shutdown()
        server.server_close()
        thread.join()
