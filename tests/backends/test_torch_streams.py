"""The streams on which PyTorch captures graphs, with a stand-in for `torch.cuda`."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

pytest.importorskip("torch")

from anynet_torch import graphs
from anynet_torch.graphs import CudaRecorder


class _Stream:
    """A stand-in for a stream that counts what it waits for."""

    def __init__(self, number):
        self.number, self.waited = number, []

    def wait_stream(self, other):
        self.waited.append(other.number)


class _Graph:
    """A stand-in for a graph; it is captured while a context of it is entered."""

    replayed = 0

    def replay(self):
        self.replayed += 1


class _Cuda:
    """A stand-in for `torch.cuda`: 32 streams of each priority, handed out in turn."""

    CUDAGraph = _Graph

    def __init__(self):
        self.streams = {
            priority: [_Stream((priority, i)) for i in range(32)] for priority in (0, -1)
        }
        self.asked, self.now, self.inside = {0: 0, -1: 0}, _Stream("default"), 0

    def Stream(self, device=None, priority=0):  # noqa: N802
        self.asked[priority] += 1
        return self.streams[priority][self.asked[priority] % 32]

    def current_device(self):
        return 0

    def current_stream(self):
        return self.now

    @contextmanager
    def stream(self, stream):
        assert not self.inside, "two threads run eagerly or capture at a time"
        self.inside += 1
        before, self.now = self.now, stream
        time.sleep(0.002)
        yield
        self.now, self.inside = before, self.inside - 1

    def graph(self, graph, stream, capture_error_mode):
        assert capture_error_mode == "thread_local"  # other threads may allocate meanwhile
        return self.stream(stream)


@pytest.fixture
def cuda(monkeypatch):
    found = _Cuda()
    monkeypatch.setattr(graphs.torch, "cuda", found)
    graphs._capture_stream.cache_clear()
    yield found
    graphs._capture_stream.cache_clear()


class _Output:
    """A stand-in for a tensor on a GPU."""

    def __init__(self):
        self.read_on = []

    def record_stream(self, stream):
        self.read_on.append(stream.number)


def test_no_other_stream_becomes_that_of_the_capture(cuda):
    captures = {CudaRecorder()._stream.number for _ in range(40)}
    others = {cuda.Stream().number for _ in range(40)}
    assert len(captures) == 1
    assert not captures & others


def test_an_eager_call_is_ordered_with_the_stream_of_its_caller(cuda):
    recorder, output = CudaRecorder(), _Output()
    assert recorder.warm_up(lambda: (output,), ()) == (output,)
    capture, caller = recorder._stream, cuda.now
    assert (capture.waited, caller.waited) == ([caller.number], [capture.number])
    assert output.read_on == [caller.number]


def test_threads_run_eagerly_and_capture_one_at_a_time(cuda):
    def train(number):
        recorder = CudaRecorder()
        for _ in range(3):
            recorder.warm_up(lambda: (), ())
        return recorder.record(lambda: (number,), ())()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(4))) == [(0,), (1,), (2,), (3,)]
