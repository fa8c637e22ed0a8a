"""Fetching CIFAR-10: against a real HTTP server on this machine, with a small archive."""

import hashlib
import http.server
import io
import re
import tarfile
import threading
from pathlib import Path

import pytest

from cifarq.data import cifar10
from edge_runtime.errors import DataError

pytestmark = pytest.mark.torch  # torchvision's downloader loads it
FILES = (*cifar10.TRAIN_FILES, *cifar10.TEST_FILES)


class Server(http.server.ThreadingHTTPServer):
    """Serves ``archives`` by path, and remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.archives: dict[str, bytes] = {}
        self.requests: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.server.requests.append(self.path)
        content = self.server.archives.get(self.path)
        if self.path == "/not-http":
            self.wfile.write(b"what?\r\n\r\n")
        elif content is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if "cut" in self.path else content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "home" / "cache"


def packed(*extra):
    """A gzipped tar in the official layout; ``extra`` members come after it."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name in FILES:
            add(tar, tarfile.TarInfo(f"{cifar10.FOLDER}/{name}"), name.encode())
        for member in extra:
            add(tar, member, b"evil")
    return content.getvalue()


def add(tar, member, content):
    if member.isreg():
        member.size = len(content)
    tar.addfile(member, io.BytesIO(content) if member.isreg() else None)


def symlink(name, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def served(server, content, path="/cifar.tar.gz"):
    server.archives[path] = content
    return cifar10.Archive(server.url(path), hashlib.md5(content).hexdigest())


def test_the_archive_lands_in_the_cache(server, cache):
    folder = cifar10.find_or_download(served(server, packed()), cache)
    assert folder == cache / cifar10.FOLDER
    assert {p.name: p.read_text() for p in folder.iterdir()} == {name: name for name in FILES}
    assert list(cache.iterdir()) == [folder]


def test_what_is_in_the_cache_is_not_downloaded_again(server, cache):
    archive = served(server, packed())
    first = cifar10.find_or_download(archive, cache)
    asked = len(server.requests)
    assert asked > 0
    assert cifar10.find_or_download(archive, cache) == first
    assert len(server.requests) == asked


def test_a_wrong_md5_leaves_nothing_and_names_url_and_cache(server, cache):
    archive = cifar10.Archive(served(server, packed()).url, "0" * 32)
    refused(archive, cache)


@pytest.mark.parametrize("path", ["/missing", "/not-http", "/cut"])
def test_a_server_that_fails_leaves_nothing_and_is_named_with_the_cache(server, cache, path):
    content = packed()
    if path == "/cut":
        served(server, content, path)
    refused(cifar10.Archive(server.url(path), hashlib.md5(content).hexdigest()), cache)


def test_a_server_that_is_not_there_is_named_with_the_cache(server, cache):
    archive = served(server, packed())
    server.server_close()
    refused(archive, cache)


def test_an_archive_without_the_folder_is_refused(server, cache):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        add(tar, tarfile.TarInfo("README"), b"nothing here")
    refused(served(server, content.getvalue()), cache)


@pytest.mark.parametrize(
    "members",
    [
        [tarfile.TarInfo("../evil")],
        [tarfile.TarInfo(f"{cifar10.FOLDER}/../../../evil")],
        [symlink(f"{cifar10.FOLDER}/up", "../../.."), tarfile.TarInfo(f"{cifar10.FOLDER}/up/evil")],
        [symlink(f"{cifar10.FOLDER}/abs", "/etc")],
    ],
    ids=["parent", "grandparent", "through a link", "absolute link"],
)
def test_an_archive_that_writes_outside_is_refused(server, cache, members):
    refused(served(server, packed(*members)), cache)
    assert not list(cache.parent.parent.rglob("evil"))


def refused(archive: cifar10.Archive, cache: Path) -> None:
    """Prove that an archive is refused, in words, and that nothing of it stays on disk."""
    said = (str(cache / cifar10.FOLDER), archive.url, "--data-dir")
    with pytest.raises(DataError, match="(?s)" + ".*".join(map(re.escape, said))):
        cifar10.find_or_download(archive, cache)
    assert list(cache.rglob("*")) == []
