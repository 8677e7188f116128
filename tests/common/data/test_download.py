"""Downloads from a server that does everything wrong."""

import contextlib
import gzip
import hashlib
import multiprocessing
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import common.data.download
from common.data.download import Patience, download
from common.errors import DataError

_CONTENT = bytes(range(256)) * 1000
_FILE = gzip.compress(_CONTENT, mtime=0, compresslevel=0)
_DIGESTS = {"a.gz": hashlib.sha256(_CONTENT).hexdigest()}
_PATIENCE = Patience(timeout=0.5, tries=4, shortest_pause=0.01, longest_pause=0.05)


class _Server(ThreadingHTTPServer):
    """Serves `_FILE`; `faults` says what goes wrong, one request after the other."""

    daemon_threads = True

    def __init__(self, faults):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults = list(faults)
        self.ranges = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        fault = self.server.faults.pop(0) if self.server.faults else "none"
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if fault.isdigit():
            self.send_error(int(fault))
            return
        body = _FILE if fault != "corrupt" else _FILE[:5000] + b"\0" * (len(_FILE) - 5000)
        if fault in ("endless", "trickle"):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):  # until nobody listens
                while True:
                    self.wfile.write(bytes(2**20 if fault == "endless" else 1))
                    time.sleep(0 if fault == "endless" else 0.02)
            return
        start = int(asked[6:-1]) if asked and fault != "ignore range" else 0
        self.send_response(206 if start else 200)
        length = len(body) - start if fault != "huge" else 10**12
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if fault in ("truncate", "stall"):
            sent = 100_000 if fault == "truncate" else 1_000
            self.wfile.write(body[start : start + sent])
            self.wfile.flush()
            time.sleep(1.0 if fault == "stall" else 0)
            return
        self.wfile.write(body[start:])


@pytest.fixture
def serve():
    servers = []

    def start(*faults):
        servers.append(_Server(faults))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _download(server, folder):
    download(server.address, _DIGESTS, folder, _PATIENCE)


@pytest.mark.parametrize(
    "faults",
    [
        (),
        ("500", "503"),
        ("truncate",),
        ("truncate", "truncate"),
        ("truncate", "ignore range"),
        ("truncate", "416"),
        ("corrupt",),
        ("stall",),
        ("429", "truncate", "corrupt"),
    ],
    ids=" ".join,
)
def test_a_download_survives_a_server_that(serve, tmp_path, faults):
    _download(serve(*faults), tmp_path)
    assert (tmp_path / "a.gz").read_bytes() == _FILE
    assert [path.name for path in tmp_path.iterdir()] == ["a.gz"]


def test_a_broken_transfer_goes_on_where_it_stopped(serve, tmp_path):
    server = serve("truncate")
    _download(server, tmp_path)
    assert server.ranges == [None, "bytes=100000-"]


def test_another_run_goes_on_where_the_last_one_stopped(serve, tmp_path):
    with pytest.raises(DataError):
        download(serve("truncate").address, _DIGESTS, tmp_path, Patience(0.5, 1, 0.01, 0.01))
    server = serve()
    _download(server, tmp_path)
    assert server.ranges == ["bytes=100000-"]


@pytest.mark.parametrize(
    ("faults", "cause"),
    [
        (["404"], "404"),
        (["500"] * 4, "500"),
        (["corrupt"] * 4, "gzip"),
        (["stall"] * 4, "timed out"),
    ],
)
def test_giving_up_names_the_address_the_cause_and_the_remedy(serve, tmp_path, faults, cause):
    server = serve(*faults)
    with pytest.raises(DataError, match=rf"^{server.address}/a.gz: .*{cause}.*--data sample"):
        _download(server, tmp_path)
    assert not (tmp_path / "a.gz").exists()


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("endless", "more than 1,000,000 bytes"), ("huge", "more than 1,000,000 bytes"),
     ("trickle", "bytes in 0.3 seconds")],
)  # fmt: skip
def test_a_server_that_never_ends_is_given_up_at_once(serve, tmp_path, monkeypatch, fault, cause):
    monkeypatch.setattr(common.data.download, "_MAX_BYTES", 1_000_000)
    server = serve(fault)
    with pytest.raises(DataError, match=rf"^{server.address}/a.gz: must be there.*{cause}"):
        download(server.address, _DIGESTS, tmp_path, replace(_PATIENCE, longest=0.3))
    assert len(server.ranges) == 1


def test_a_missing_file_is_asked_for_once(serve, tmp_path):
    server = serve(*["404"] * 4)
    with pytest.raises(DataError):
        _download(server, tmp_path)
    assert len(server.ranges) == 1


def test_a_wrong_file_never_gets_its_name(serve, tmp_path):
    with pytest.raises(DataError, match="SHA-256"):
        download(serve().address, {"a.gz": "0" * 64}, tmp_path, _PATIENCE)
    assert not (tmp_path / "a.gz").exists()


def test_a_server_that_is_not_there_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="http://127.0.0.1:9/a.gz: must be there"):
        download("http://127.0.0.1:9", _DIGESTS, tmp_path, _PATIENCE)


def test_a_file_that_is_there_is_not_fetched(serve, tmp_path):
    (tmp_path / "a.gz").write_bytes(b"mine")
    server = serve()
    _download(server, tmp_path)
    assert server.ranges == []


def test_two_processes_fetch_a_file_once(serve, tmp_path):
    server = serve()
    context = multiprocessing.get_context("spawn")
    arguments = (server.address, _DIGESTS, tmp_path, _PATIENCE)
    workers = [context.Process(target=download, args=arguments) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(server.ranges) == 1
