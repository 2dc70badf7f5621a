"""Downloads, from a server on this computer: resumed, checked, shared, and what goes wrong."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ascua import data
from ascua.data import fetch, mnist
from ascua.data.cache import cache_folder
from ascua.data.fetch import Archive, Remote, cached, downloaded
from ascua.errors import InputError

CONTENT = bytes(range(256)) * 8192
"""2 MB."""


@dataclass
class Server:
    """Files by path, and how they are given."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    """Whether parts of a file may be asked for."""
    cut: list[int] = field(default_factory=list)
    """Each connection in turn ends after so many bytes; then they are whole."""
    pause: float = 0.0
    """Seconds before a file is given."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """The paths and ranges of all requests."""
    address: str = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        time.sleep(self.pause)
        if request.path not in self.files:
            request.send_error(404)
            return
        body, first = self.files[request.path], 0
        if wanted and self.ranges:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            if first >= len(body):
                request.send_error(416)
                return
        request.send_response(206 if first else 200)
        request.send_header("Content-Length", str(len(body) - first))
        request.end_headers()
        some = self.cut.pop(0) if self.cut else len(body)
        request.wfile.write(body[first : first + some])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on 127.0.0.1 with the file /file.bin; the cache is in tmp_path."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(fetch, "TIMEOUT", 10)
    state = Server({"/file.bin": CONTENT})

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.address = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        yield state
        http.shutdown()
        thread.join()


def remote(server: Server, content: bytes = CONTENT) -> Remote:
    """/file.bin with the checksum of `content`."""
    return Remote(f"{server.address}/file.bin", hashlib.md5(content).hexdigest())


def names() -> list[str]:
    """All files and folders in the cache."""
    root = cache_folder()
    return sorted(str(p.relative_to(root)) for p in root.rglob("*"))


def test_a_file_is_downloaded_once(server: Server) -> None:
    path = downloaded(remote(server), "set")
    assert path == cache_folder() / "set" / "file.bin"
    assert path.read_bytes() == CONTENT
    assert downloaded(remote(server), "set") == path
    assert server.asked == [("/file.bin", None)]
    assert names() == ["set", "set/file.bin"]


def test_a_cut_connection_is_taken_up_again(server: Server) -> None:
    server.cut = [700_000, 500_000, 0, 0]
    assert downloaded(remote(server), "set").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == [
        None, "bytes=700000-", "bytes=1200000-", "bytes=1200000-", "bytes=1200000-",
    ]  # fmt: skip


def test_what_came_is_kept_for_the_next_call(server: Server) -> None:
    server.cut = [700_000] + [0] * fetch.ATTEMPTS
    with pytest.raises(InputError, match=r"(?s)ended after 700,000 of 2,097,152.*Try again: what"):
        downloaded(remote(server), "set")
    assert (cache_folder() / "set" / "file.bin.part").stat().st_size == 700_000
    server.asked.clear()
    assert downloaded(remote(server), "set").read_bytes() == CONTENT
    assert server.asked == [("/file.bin", "bytes=700000-")]
    assert names() == ["set", "set/file.bin"]


def test_a_server_that_knows_no_ranges_starts_over(server: Server) -> None:
    server.ranges = False
    server.cut = [700_000]
    assert downloaded(remote(server), "set").read_bytes() == CONTENT


def test_a_part_that_is_whole_is_taken(server: Server) -> None:
    (cache_folder() / "set").mkdir(parents=True)
    (cache_folder() / "set" / "file.bin.part").write_bytes(CONTENT)
    assert downloaded(remote(server), "set").read_bytes() == CONTENT


def test_wrong_bytes_leave_nothing(server: Server) -> None:
    with pytest.raises(InputError, match=r"checksum is \w{32}, not"):
        downloaded(remote(server, b"other"), "set")
    (cache_folder() / "set" / "file.bin.part").write_bytes(b"the begin of another file")
    with pytest.raises(InputError, match="checksum"):
        downloaded(remote(server), "set")
    assert names() == ["set"]
    assert downloaded(remote(server), "set").read_bytes() == CONTENT


def test_absent_files_and_servers_are_told(server: Server) -> None:
    gone = Remote(f"{server.address}/gone.bin", "0" * 32)
    with pytest.raises(InputError, match=r"(?s)gone.bin: cannot be .*Not Found.*by hand.*data-dir"):
        downloaded(gone, "set")
    closed = Remote("http://127.0.0.1:9/file.bin", "0" * 32)
    with pytest.raises(InputError, match=r"(?s)refused.*https_proxy"):
        downloaded(closed, "set")
    assert names() == ["set"]


def test_a_cache_that_cannot_be_written_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for call in (lambda: downloaded(remote(server), "set"),
                 lambda: cached(Archive(remote(server).url, "0" * 32, "things"))):  # fmt: skip
        with pytest.raises(InputError, match="Not a directory"):
            call()


def archive(server: Server) -> Archive:
    """A small archive on the server."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("things/one")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"1"))
    server.files["/things.tgz"] = out.getvalue()
    digest = hashlib.md5(out.getvalue()).hexdigest()
    return Archive(f"{server.address}/things.tgz", digest, "things")


def test_an_archive_is_unpacked_once(server: Server) -> None:
    wanted = archive(server)
    folder = cached(wanted)
    assert folder == cache_folder() / "things"
    assert (folder / "one").read_text() == "1"
    server.files.clear()
    assert cached(wanted) == folder
    assert names() == ["things", "things/one"]


def test_archives_that_cannot_be_unpacked(server: Server) -> None:
    wanted = archive(server)
    for content, other in ((b"no archive", "things"), (server.files["/things.tgz"], "absent")):
        server.files["/things.tgz"] = content
        digest = hashlib.md5(content).hexdigest()
        with pytest.raises(InputError, match=r"(?s)cannot be unpacked.*unpack it, and give"):
            cached(Archive(wanted.url, digest, other))


def test_an_archive_whose_top_is_a_file(server: Server) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("things"))
    server.files["/things.tgz"] = out.getvalue()
    digest = hashlib.md5(out.getvalue()).hexdigest()
    with pytest.raises(InputError, match="it holds no folder things"):
        cached(Archive(f"{server.address}/things.tgz", digest, "things"))
    wanted = archive(server)
    (cache_folder() / "things.tgz").unlink()
    (cache_folder() / "things").write_text("a file where the folder would be")
    with pytest.raises(InputError, match=r"things: cannot be unpacked: .*Not a directory"):
        cached(wanted)


def test_of_two_threads_one_downloads(server: Server) -> None:
    server.pause = 0.3
    wanted = archive(server)
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(cached, [wanted] * 4))
        files = list(pool.map(lambda _: downloaded(remote(server), "set"), range(4)))
    assert len(set(folders)) == len(set(files)) == 1
    assert sorted(path for path, _ in server.asked) == ["/file.bin", "/things.tgz"]
    assert names() == ["set", "set/file.bin", "things", "things/one"]


def test_of_two_processes_one_downloads(server: Server) -> None:
    server.pause = 0.5
    wanted = remote(server)
    code = (
        "from ascua.data.fetch import Remote, downloaded\n"
        f"print(downloaded(Remote({wanted.url!r}, {wanted.md5!r}), 'set'))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)
    ]
    told = [p.communicate(timeout=60)[0] for p in processes]
    assert told[0] == told[1] != b""
    assert len(server.asked) == 1


def test_mnist_comes_from_its_publisher(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, through the cache; the addresses are the published ones."""
    assert all(re.fullmatch(r"https://[\w.-]+/mnist/[\w-]+\.gz", f.url) for f in mnist.FILES)
    files = []
    for file in mnist.FILES:
        shape = (20, 28, 28) if "images" in file.name else (20,)
        head = bytes((0, 0, 8, len(shape))) + b"".join(n.to_bytes(4, "big") for n in shape)
        body = gzip.compress(head + bytes(20 * 28 * 28 if len(shape) > 1 else 20))
        server.files[f"/{file.name}"] = body
        files.append(Remote(f"{server.address}/{file.name}", hashlib.md5(body).hexdigest()))
    monkeypatch.setattr(mnist, "FILES", tuple(files))
    assert data.load("mnist").x_test.shape == (20, 28, 28, 1)
    assert names() == ["mnist", *sorted(f"mnist/{f.name}" for f in mnist.FILES)]
