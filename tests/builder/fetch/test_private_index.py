"""A private index on loopback: its credentials and certificates reach our downloads, and nothing else."""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import ssl
import subprocess

import pytest
import uv
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from builder import cli
from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.signing.sign import generate_key
from builder.wheels.wheels import fetch_wheels
from shared.errors import BuildError
from shared.terminal.progress import NoProgress
from tests.builder.small_project import _quick, made  # noqa: F401 - the stand-in for the zipapp
from tests.builder.wheels.test_wheels import DATA, NAME, locked
from tests.servers import serve, serve_index
from tests.wheels import make_wheel

pytestmark = pytest.mark.usefixtures("no_network_settings")

PASSWORD = "pass!word"
HEADER = "Basic bWU6cGFzcyF3b3Jk"
PROJECT = """
[project]
name = "small-app"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["inner"]
[project.scripts]
small = "small_app:main"
[tool.uv]
package = false
[[tool.uv.index]]
name = "in-house"
url = "{url}/simple"
default = true
"""


def test_credentials_of_an_index_reach_the_downloads_and_stay_there(tmp_path, monkeypatch, caplog, capsys):
    project = tmp_path / "project"
    project.mkdir()
    with serve_index({"inner-1.0-py3-none-any.whl": make_wheel("inner", "1.0")}) as site:
        (project / "pyproject.toml").write_text(PROJECT.format(url=site.url))
        (project / "small_app.py").write_text("def main(): pass\n")
        monkeypatch.setenv("UV_INDEX_IN_HOUSE_USERNAME", "me")
        monkeypatch.setenv("UV_INDEX_IN_HOUSE_PASSWORD", PASSWORD)
        lock = [uv.find_uv_bin(), "lock", "--quiet", "--no-cache", "--project", project]
        subprocess.run(lock, check=True)
        site.seen.clear()
        generate_key(tmp_path / "key", None)
        argv = ["build", "--project-root", str(project), "--output-dir", str(tmp_path / "out"), "--verbose"]
        argv += ["--cache-dir", str(tmp_path / "cache"), "--sign-key", str(tmp_path / "key"), "--python", "3.12"]
        with caplog.at_level(logging.DEBUG):
            assert cli.main(argv) == 0
        (fetched,) = site.requests("/files/inner-1.0-py3-none-any.whl")
    assert fetched.authorization == HEADER
    reported = capsys.readouterr()
    written = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert written
    stored = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    for secret in (PASSWORD, HEADER.removeprefix("Basic ")):
        assert secret not in caplog.text + reported.out + reported.err
        assert not any(secret.encode() in data for data in [*written, *stored])
    assert made(tmp_path / "out")


def certificate(folder):
    """Write a certificate for 127.0.0.1 that signs itself; return its file and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(built.public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    return folder / "ca.pem", folder / "key.pem"


def test_a_certificate_of_ones_own_is_taken_from_the_variable_and_refused_without(tmp_path, monkeypatch):
    authority, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, key)

    def with_tls(site):
        site.socket = context.wrap_socket(site.socket, server_side=True)
        return locked(f"https://127.0.0.1:{site.server_address[1]}/{NAME}")

    for variable, trusted in ((str(authority), True), ("", False)):
        monkeypatch.setenv("SSL_CERT_FILE", variable) if variable else monkeypatch.delenv("SSL_CERT_FILE")
        with serve({f"/{NAME}": DATA}) as site:
            wheel, cache = with_tls(site), Cache(tmp_path / f"cache-{trusted}")
            if trusted:
                assert fetch_wheels([wheel], Fetching(cache, NoProgress()))[wheel].read_bytes() == DATA
                continue
            with pytest.raises(BuildError, match=r"The certificate of 127\.0\.0\.1 is not trusted") as caught:
                fetch_wheels([wheel], Fetching(cache, NoProgress(), pause=lambda _seconds: None))
            assert "SSL_CERT_FILE" in caught.value.advice
