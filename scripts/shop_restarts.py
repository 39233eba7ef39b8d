#!/usr/bin/python3
"""Restarts examples/shop under a mixed load, and proves from the clients' side what became of each order.

usage: shop_restarts.py BIN [--restarts N] [--seconds S] [--picture FILE.svg]
Once as it is, once with each part closed at once, as most programs end (--stop close). Prints one scorecard; exit 0 if
the first lost nothing. Needs python3-grpcio. scripts/demo-shop builds the shop and runs this.
"""

import argparse
import asyncio
import json
import math
import pathlib
import re
import signal
import sys
import tempfile
import threading
import time

import grpc

CLIENTS, READERS, SOCKETS, STREAMS, CALLERS = 16, 4, 8, 8, 2
BUCKET = 0.1  # seconds, of the picture


class Shop:
    """The processes of one shop, one after the other, on the same ports."""

    def __init__(self, binary, folder, more):
        self.command = [str(binary / "shop"), "--data", folder, "--jitter", "300ms", "--grace", "10s", "--log", "error", *more]
        self.binary, self.folder = binary, folder
        self.port = self.grpc_port = 0
        self.process, self.serves = None, False
        self.exits, self.took = [], []
        self.errors = asyncio.subprocess.DEVNULL if more else sys.stderr

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.command, "--port", str(self.port), "--grpc-port", str(self.grpc_port),
            stdout=asyncio.subprocess.PIPE, stderr=self.errors)
        for name, scheme in (("port", "http"), ("grpc_port", "grpc")):
            line = (await asyncio.wait_for(self.process.stdout.readline(), 60)).decode()
            setattr(self, name, int(re.search(scheme + r"://127\.0\.0\.1:(\d+)", line)[1]))
        self.serves = True

    async def end(self):
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.exits.append(await asyncio.wait_for(self.process.wait(), 60))
        self.took.append(time.monotonic() - began)
        self.serves = False

    async def tool(self, *arguments):
        run = await asyncio.create_subprocess_exec(str(self.binary / "shop"), *arguments, stdout=asyncio.subprocess.PIPE)
        return (await asyncio.wait_for(run.communicate(), 60))[0].decode()


async def ask(reader, writer, head, body=b""):
    """The status and what came; EOFError if no whole answer did."""
    length = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body) if body else b""
    writer.write(head + b" HTTP/1.1\r\nHost: shop\r\n" + length + b"\r\n" + body)
    said = await reader.readuntil(b"\r\n\r\n")
    size = re.search(rb"(?i)content-length: (\d+)", said)
    whole = await reader.readexactly(int(size[1]) if size else 0)
    return int(said[9:12]), whole, b"connection: close" in said.lower()


class Load:
    def __init__(self, shop):
        self.shop, self.stops = shop, False
        self.told = {}  # the key of each order that a client was told of, and its number
        self.answered, self.lost, self.ends = [], [], []  # when
        self.sockets, self.streams = [], []  # how each ended
        self.calls = self.failed_calls = 0

    async def one_client(self, number):
        """Places one order after the other, or reads the last one; asks again, with the same key, if there was no answer."""
        reader = writer = None
        at, buys = 0, number < CLIENTS
        while not self.stops:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.shop.port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            try:
                if reader.at_eof():
                    raise ConnectionError  # an end that was seen before the request is no loss
                key = f"{number}-{at}"
                order = json.dumps({"client_key": key, "item": "tea", "quantity": 1 + at % 3}).encode()
                sent = True
                status, body, closes = await ask(reader, writer, b"POST /orders" if buys else b"GET /orders?limit=5", order if buys else b"")
                if status >= 400:
                    raise EOFError
                self.answered.append(time.monotonic())
                if buys:
                    self.told[key] = json.loads(body)["id"]
                at += 1
                if closes:
                    writer.close()
                    writer = None
                await asyncio.sleep(0.02)
            except (EOFError, OSError) as why:
                if not isinstance(why, ConnectionError) or sent:
                    self.lost.append(time.monotonic())
                writer.close()
                writer = None
            sent = False

    async def one_socket(self):
        while not self.stops:
            how = "no Close"
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.shop.port)
                writer.write(b"GET /live HTTP/1.1\r\nHost: shop\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
                await reader.readuntil(b"\r\n\r\n")
            except (EOFError, OSError):
                await asyncio.sleep(0.02)
                continue
            try:
                while True:
                    kind, size = await reader.readexactly(2)
                    if size == 126:
                        size = int.from_bytes(await reader.readexactly(2), "big")
                    data = await reader.readexactly(size)
                    if kind == 0x88:
                        how = str(int.from_bytes(data[:2], "big"))
                        writer.write(b"\x88\x82\0\0\0\0" + data[:2])
            except (EOFError, OSError):
                pass
            writer.close()
            if not self.stops:
                self.sockets.append(how)

    async def one_stream(self):
        while not self.stops:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.shop.port)
                writer.write(b"GET /events HTTP/1.1\r\nHost: shop\r\nAccept: text/event-stream\r\n\r\n")
                await reader.readuntil(b"\r\n\r\n")
            except (EOFError, OSError):
                await asyncio.sleep(0.02)
                continue
            last = b""
            try:
                while piece := await reader.read(65536):
                    last = (last + piece)[-200:]
            except OSError:
                pass
            writer.close()
            if not self.stops:
                self.streams.append("whole" if re.search(rb"retry: \d+\n\n\r\n0\r\n\r\n$", last) else "cut")

    def one_caller(self):
        """Calls of gRPC beside the shop's own. One that could not connect has not begun."""
        channel = None
        while not self.stops:
            if not self.shop.grpc_port:
                time.sleep(0.02)
                continue
            channel = channel or grpc.insecure_channel(
                f"127.0.0.1:{self.shop.grpc_port}", options=[("grpc.max_reconnect_backoff_ms", 100), ("grpc.enable_retries", 0)])
            give_back = channel.unary_unary("/lastcall.shop.Inventory/GiveBack", lambda asked: asked, lambda said: said)
            try:
                give_back(b"\x0a\x03tea", timeout=5)  # Goods{item: "tea"}: none of it
                self.calls += 1
            except grpc.RpcError as why:
                if "onnect" not in why.details():
                    self.failed_calls += 1
            time.sleep(0.01)
        if channel:
            channel.close()


async def orders_of(shop):
    """All that are stored: the numbers of each key."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    found, after = {}, 0
    while True:
        _, body, _ = await ask(reader, writer, b"GET /orders?after=%d&limit=1000" % after)
        some = json.loads(body)
        for each in some:
            found.setdefault(each["client_key"], []).append(each["id"])
        if not some:
            break
        after = some[-1]["id"]
    _, body, _ = await ask(reader, writer, b"GET /stats")
    writer.close()
    return found, json.loads(body)


async def run(title, binary, more, restarts, seconds):
    with tempfile.TemporaryDirectory(prefix="lastcall-shop-") as folder:
        shop = Shop(binary, folder, more)
        load = Load(shop)
        try:
            await shop.start()
            began = time.monotonic()
            tasks = [asyncio.create_task(load.one_client(i)) for i in range(CLIENTS + READERS)]
            tasks += [asyncio.create_task(load.one_socket()) for _ in range(SOCKETS)]
            tasks += [asyncio.create_task(load.one_stream()) for _ in range(STREAMS)]
            callers = [threading.Thread(target=load.one_caller) for _ in range(CALLERS)]
            for each in callers:
                each.start()
            for i in range(restarts):
                await asyncio.sleep(seconds)
                load.ends.append(time.monotonic())
                await shop.end()
                print(f"{title}: restart {i + 1} of {restarts}, {len(load.told)} orders, exit {shop.exits[-1]} after "
                      f"{shop.took[-1]:.1f} s, {len(load.lost)} requests lost", flush=True)
                await shop.start()
            await asyncio.sleep(seconds)
            load.stops = True
            stopped = time.monotonic()
            await asyncio.to_thread(lambda: [each.join() for each in callers])
            await asyncio.wait(tasks, timeout=2)  # those who watch would wait for the end of the shop
            for each in tasks:
                each.cancel()
            by = time.monotonic() + 120
            while True:
                found, stats = await orders_of(shop)
                if stats["events_consumed"] >= stats["orders"] or time.monotonic() > by:
                    break
                await asyncio.sleep(0.2)
            await shop.end()
            proof = json.loads(await shop.tool("check", "--db", f"sqlite:{folder}/shop.db"))
        finally:
            load.stops = True
            if shop.process and shop.process.returncode is None:
                shop.process.kill()
                await shop.process.wait()
            await shop.tool("--stop-kafka", "--data", folder)
    moments = [[when - began for when in each] for each in (load.answered, load.lost, load.ends)]
    return moments, stopped - began, {
        "orders that clients were told of": len(load.told),
        "of these not stored": sum(id_ not in found.get(key, []) for key, id_ in load.told.items()),
        "stored twice": sum(len(ids) > 1 for ids in found.values()) + proof["keys_twice"],
        "stored by half": proof["half"],
        "without their event": proof["without_event"] + stats["orders"] - min(stats["orders"], stats["events_consumed"]),
        "events that came twice": stats["duplicates"],
        "requests lost": len(load.lost),
        "WebSockets that saw 1001": f"{load.sockets.count('1001')} of {len(load.sockets)}",
        "event streams that ended whole": f"{load.streams.count('whole')} of {len(load.streams)}",
        "calls of gRPC that failed": f"{load.failed_calls} of {load.calls + load.failed_calls}",
        "exit codes": " ".join(map(str, shop.exits)),
        "the slowest exit, of 10 s": f"{max(shop.took):.1f} s",
    }


def panel(title, moments, span, verdict, good, top, width, height, most):
    answered, lost, ends = moments
    base = top + height
    text = [f'<text class="title" x="0" y="{top - 10}">{title}</text>',
            f'<text class="{"good" if good else "bad"}" x="{width}" y="{top - 10}" text-anchor="end">{verdict}</text>']
    for kind, all_of in (("answered", answered), ("lost", lost)):
        for i, n in enumerate(counts(all_of, span)):
            if n:
                tall = max(height * n / most, 3 if kind == "lost" else 0)
                text.append(f'<rect class="{kind}" x="{i * BUCKET / span * width + 0.2:.1f}" width="{max(BUCKET / span * width - 0.4, 0.8):.1f}" '
                            f'y="{base - tall if kind == "answered" else base + 1:.1f}" height="{min(tall, 26) if kind == "lost" else tall:.1f}"/>')
    text.append(f'<line class="axis" x1="0" y1="{base}" x2="{width}" y2="{base}"/>')
    for end in ends:
        text.append(f'<line class="told" x1="{end / span * width:.1f}" y1="{top}" x2="{end / span * width:.1f}" y2="{base + 28}"/>')
    return text


def counts(moments, span):
    count = [0] * (math.floor(span / BUCKET) + 1)
    for when in moments:
        if 0 <= when <= span:
            count[math.floor(when / BUCKET)] += 1
    return count


def picture(results):
    width, height, gap = 760, 110, 80
    most = max(max(counts(moments[0], span)) for _, (moments, span, _) in results)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-20 -10 {width + 40} {2 * height + 2 * gap + 20}" role="img"'
           ' aria-label="Requests to a shop in time, across restarts: Lastcall loses none; closed at once it loses some">',
           "<style>text{font:14px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.note{font-size:12px;fill:#57606a}"
           ".answered{fill:#2da44e}.lost{fill:#cf222e}.axis{stroke:#8c959f}.told{stroke:#8c959f;stroke-dasharray:4 3}"
           ".good{fill:#1a7f37;font-weight:600}.bad{fill:#cf222e;font-weight:600}"
           "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#8d96a0}.answered{fill:#3fb950}.lost{fill:#f85149}"
           ".good{fill:#3fb950}.bad{fill:#f85149}}</style>"]
    for i, (title, (moments, span, score)) in enumerate(results):
        out += panel(title, moments, span, f"{score['requests lost']} requests lost", score["requests lost"] == 0,
                     30 + i * (height + gap), width, height, most)
    for i, note in enumerate((f"Requests in steps of {BUCKET * 1000:.0f} ms. Green: answered. Red: sent, and never answered.",
                              "Dashed: SIGTERM. The next process begins when the last has gone.")):
        out.append(f'<text class="note" x="0" y="{30 + 2 * height + gap + 44 + 18 * i}">{note}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--picture", type=pathlib.Path)
    given = parser.parse_args()
    results = [(title, asyncio.run(run(title, given.bin, more, given.restarts, given.seconds)))
               for title, more in (("Lastcall", []), ("closed at once", ["--stop", "close"]))]
    print(f"\n{given.restarts} restarts under load: {CLIENTS} clients that order, {READERS} that read, {SOCKETS} WebSockets, "
          f"{STREAMS} event streams, {CALLERS} callers of gRPC\n")
    print(f"{'':34}{results[0][0]:>18}{results[1][0]:>18}")
    for name in results[0][1][2]:
        print(f"{name:34}{results[0][1][2][name]!s:>18}{results[1][1][2][name]!s:>18}")
    if given.picture:
        given.picture.write_text(picture(results))
        print(f"\nwrote {given.picture}")
    score = results[0][1][2]
    bad = ("of these not stored", "stored twice", "stored by half", "without their event", "requests lost")
    return 1 if any(score[each] for each in bad) or set(score["exit codes"].split()) != {"0"} else 0


if __name__ == "__main__":
    sys.exit(main())
