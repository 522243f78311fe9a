"""A push service on loopback, by TLS, and browsers that open what they are sent by RFC 8291 and nothing of ours."""

from __future__ import annotations

import json
import os
import ssl
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_CURVE: Final = ec.SECP256R1()


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the service was given for one browser."""

    path: str
    headers: dict[str, str]
    body: bytes


class Browser:
    """Keys as ``PushManager.subscribe`` makes them, and their private half."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(_CURVE)
        self._secret = os.urandom(16)

    @property
    def p256dh(self) -> str:
        return b64(_point(self._key.public_key()))

    @property
    def auth(self) -> str:
        return b64(self._secret)

    def open(self, pushed: Pushed) -> Any:
        """RFC 8291 section 3.4 over RFC 8188 section 2: one record. Raises ``InvalidTag`` for what is another's."""
        salt, size = pushed.body[:16], int.from_bytes(pushed.body[16:20], "big")
        length = pushed.body[20]
        sender, record = pushed.body[21 : 21 + length], pushed.body[21 + length :]
        assert len(record) <= size
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender))
        context = b"WebPush: info\0" + _point(self._key.public_key()) + sender
        secret = HKDF(SHA256(), 32, self._secret, context).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        plain = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert plain.endswith(b"\2"), "the last record's delimiter"
        return json.loads(plain[:-1])


def claims_of(pushed: Pushed) -> tuple[dict[str, Any], str]:
    """What the server claims to be (RFC 8292), its signature checked, and the key it signed with."""
    scheme, _, fields = pushed.headers["authorization"].partition(" ")
    assert scheme == "vapid"
    given = dict(one.strip().split("=", 1) for one in fields.split(","))
    signed, _, signature = given["t"].rpartition(".")
    raw = unb64(signature)
    dss = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, unb64(given["k"]))
    key.verify(dss, signed.encode(), ec.ECDSA(SHA256()))
    claims: dict[str, Any] = json.loads(unb64(signed.partition(".")[2]))
    return claims, given["k"]


@dataclass
class PushService:
    """``statuses``: what it answers for a path, 201 where none is named."""

    host: str
    certificate: Path
    pushed: list[Pushed] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    def endpoint(self, path: str) -> str:
        return f"https://{self.host}{path}"

    def reset(self) -> None:
        self.pushed.clear()
        self.statuses.clear()


class RunningPushService:
    """A ``PushService`` that listens until it is closed."""

    def __init__(self, folder: Path) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = outer.service.statuses.get(self.path, 201)
                if status < 300:
                    outer.service.pushed.append(Pushed(self.path, headers, body))
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", outer.service.endpoint("/elsewhere"))
                self.send_header("Content-Length", "0")
                self.send_header("Connection", "close")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
                pass

        certificate, key = _self_signed(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.service = PushService(f"127.0.0.1:{self._server.server_address[1]}", certificate)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(_CURVE)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "push")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    paths = folder / "push.pem", folder / "push.key"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths
