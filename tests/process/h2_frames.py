"""A client of somebody else's making (python3-h2), which sees a farewell frame by frame. Started by h2_foreign_test.

usage: h2_frames.py HOST PORT PID SCENARIO; prints what came, one line each, and ends with 0 if it was as it should be.
"""

import os
import signal
import socket
import sys
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

HOST, PORT, PID, SCENARIO = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
LARGEST = 2**31 - 1


class Client:
    def __init__(self, acknowledge=True):
        self.socket = socket.create_connection((HOST, PORT), timeout=15)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.h2.initiate_connection()
        self.acknowledge = acknowledge
        self.events, self.began = [], time.monotonic()
        self.ended = False
        self.raw = b""
        self.frames = []  # (type, flags, stream, payload)
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def get(self, path, end=True, method="GET"):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")],
                             end_stream=end)
        self.flush()
        return stream

    def raw_get(self, stream, path=b"/"):
        """Past the library, which opens no stream after a GOAWAY."""
        def field(name, value):
            return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
        block = field(b":method", b"GET") + field(b":scheme", b"http") + field(b":path", path) + field(b":authority", b"a")
        self.socket.sendall(len(block).to_bytes(3, "big") + b"\1\5" + stream.to_bytes(4, "big") + block)

    def raw_ping_acknowledgement(self, payload):
        self.socket.sendall(b"\0\0\x08\6\1\0\0\0\0" + payload)

    def read(self):
        """One turn. Frames are read by hand as well: the library says nothing of some of them."""
        data = self.socket.recv(65536)
        if not data:
            self.ended = True
            return
        self.raw += data
        while len(self.raw) >= 9 and len(self.raw) >= 9 + int.from_bytes(self.raw[:3], "big"):
            size = int.from_bytes(self.raw[:3], "big")
            frame = (self.raw[3], self.raw[4], int.from_bytes(self.raw[5:9], "big") & LARGEST, self.raw[9:9 + size])
            print(f"{time.monotonic() - self.began:6.3f} frame type={frame[0]} flags={frame[1]} stream={frame[2]} {frame[3][:40]!r}")
            self.frames.append(frame)
            self.raw = self.raw[9 + size:]

    def until(self, fact, what):
        end = time.monotonic() + 15
        while not fact():
            if self.ended or time.monotonic() > end:
                sys.exit(f"not seen: {what}")
            self.read()

    def goaways(self):
        return [(int.from_bytes(p[:4], "big"), int.from_bytes(p[4:8], "big")) for t, _, _, p in self.frames if t == 7]

    def pings(self):
        return [p for t, f, _, p in self.frames if t == 6 and not f & 1]

    def resets(self):
        return {s: int.from_bytes(p, "big") for t, _, s, p in self.frames if t == 3}

    def finished(self, stream):
        return any(s == stream and t in (0, 1) and f & 1 for t, f, s, _ in self.frames)


def tell():
    os.kill(PID, signal.SIGTERM)


def require(fact, what):
    if not fact:
        sys.exit(f"not so: {what}")


def farewell():
    """Two GOAWAYs around a PING; a stream that crosses the first is answered, one above the last is refused."""
    c = Client()
    c.until(lambda: any(t == 4 for t, *_ in c.frames), "the settings")
    slow = c.get("/slow?ms=2000")
    tell()
    c.until(lambda: c.goaways() and c.pings(), "the first GOAWAY and the PING")
    require(c.goaways() == [(LARGEST, 0)], "the first GOAWAY refuses nothing")
    require([t for t, *_ in c.frames if t in (6, 7)] == [7, 6], "the PING stands behind the GOAWAY")
    c.raw_get(slow + 2)  # as one that crossed it on the wire
    c.until(lambda: c.finished(slow + 2), "the answer to what crossed")
    require(len(c.goaways()) == 1, "the last GOAWAY waits for the acknowledgement")
    c.raw_ping_acknowledgement(c.pings()[0])
    c.until(lambda: len(c.goaways()) == 2, "the last GOAWAY")
    require(c.goaways()[1] == (slow + 2, 0), "it names the last stream")
    c.raw_get(slow + 4)
    c.until(lambda: slow + 4 in c.resets(), "the refusal")
    require(c.resets()[slow + 4] == 7, "REFUSED_STREAM")
    c.until(lambda: c.finished(slow), "the answer that took a while")
    told = time.monotonic()
    c.until(lambda: c.ended, "the end")
    require(time.monotonic() - told < 1.5, "it ends at once")


def silent():
    """Never acknowledges: the last GOAWAY comes all the same, after its share of the time."""
    c = Client()
    c.until(lambda: any(t == 4 for t, *_ in c.frames), "the settings")
    tell()
    c.until(lambda: c.goaways(), "the first GOAWAY")
    first = time.monotonic()
    c.until(lambda: len(c.goaways()) == 2, "the last GOAWAY")
    waited = time.monotonic() - first
    print(f"waited {waited:.3f} s")
    require(0.2 < waited < 2.5, "it waits for its share, and no longer")
    require(c.goaways()[1] == (0, 0), "no stream was opened")
    c.until(lambda: c.ended, "the end")


def library():
    """The library's own way, as its users have it: requests and an upload at once. It reads nothing more behind a GOAWAY, so
    that comes when all is answered."""
    c = Client()
    paths = ("/", "/async", "/slow?ms=300", "/block?ms=10", "/status?code=404", "/big?bytes=300000")
    streams = [c.get(path) for path in paths]
    upload = c.get("/upload", end=False, method="POST")
    for i in range(4):
        c.h2.send_data(upload, b"x" * 10_000, end_stream=i == 3)
    c.flush()
    status, sizes, ended, gone = {}, {}, set(), False
    end = time.monotonic() + 15
    while not gone:
        require(time.monotonic() < end, "it ends")
        data = c.socket.recv(65536)
        require(data, "a GOAWAY comes before the end")
        try:
            events = c.h2.receive_data(data)
        except h2.exceptions.ProtocolError:  # of what stands behind a GOAWAY
            require(len(ended) == len(paths) + 1, "all was answered before the GOAWAY")
            break
        for event in events:
            if isinstance(event, h2.events.ResponseReceived):
                status[event.stream_id] = [v for n, v in event.headers if n in (b":status", ":status")][0]
            elif isinstance(event, h2.events.DataReceived):
                sizes[event.stream_id] = sizes.get(event.stream_id, 0) + len(event.data)
                c.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                ended.add(event.stream_id)
                if len(ended) == len(paths) + 1:
                    tell()
            elif isinstance(event, h2.events.ConnectionTerminated):
                gone = True
                break
        if not gone:
            c.flush()
    print(status, sizes, ended)
    require(ended == set(streams) | {upload}, "every stream was answered")
    text = [v.decode() if isinstance(v, bytes) else v for v in (status[s] for s in streams)]
    require(text == ["200", "200", "200", "200", "404", "200"], "each as it should be")
    require(sizes[streams[-1]] == 300_000, "the download is whole")
    while c.socket.recv(65536):
        pass


{"farewell": farewell, "silent": silent, "library": library}[SCENARIO]()
