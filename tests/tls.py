"""A server that speaks TLS in front of a Postgres that does not, and an authority of our own that signs for it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""What a client sends that wants TLS (https://www.postgresql.org/docs/current/protocol-message-formats.html)."""
CHUNK = 65_536


class Authority:
    """Signs certificates. `file` is what a client trusts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, str(folder.name))])
        self.file = folder / "ca.pem"
        ca = x509.BasicConstraints(ca=True, path_length=None)
        self.file.write_bytes(self._certificate(self._name, self._key, ca, is_critical=True))

    def server(self, host: str) -> ssl.SSLContext:
        """What a server of that name presents."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        file = self._folder / f"{host}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + self._certificate(x509.Name([]), key, names, is_critical=False)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType, *, is_critical: bool
    ) -> bytes:
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=is_critical)
            .sign(self._key, hashes.SHA256())
        )
        return built.public_bytes(serialization.Encoding.PEM)


@contextmanager
def speaking_tls(context: ssl.SSLContext, unix_socket: str) -> Iterator[int]:
    """The port at which Postgres is meanwhile, behind TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening, context, unix_socket), daemon=True).start()
        yield int(listening.getsockname()[1])


def _accept(listening: socket.socket, context: ssl.SSLContext, unix_socket: str) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_serve, args=(client, context, unix_socket), daemon=True).start()


def _serve(client: socket.socket, context: ssl.SSLContext, unix_socket: str) -> None:
    with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
        if client.recv(len(SSL_REQUEST)) != SSL_REQUEST:
            return
        client.sendall(b"S")
        with context.wrap_socket(client, server_side=True) as encrypted:
            server.connect(unix_socket)
            back = threading.Thread(target=_copy, args=(server, encrypted), daemon=True)
            back.start()
            _copy(encrypted, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
