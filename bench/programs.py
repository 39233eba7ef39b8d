"""The servers that benchmarks start, and what is read from the kernel about them. Python's standard library only."""

import os
import pathlib
import re
import resource
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("LASTCALL_BIN", ROOT / "build/release/bin"))
RIVALS = ROOT / "bench/rivals"
SERVER_CORE, CLIENT_CORE = 0, 1


def pinned(core, command):
    return ["taskset", "-c", str(core), *map(str, command)] if (os.cpu_count() or 1) > 1 else [*map(str, command)]


def raise_descriptor_limit():
    """To the hard limit, here and in what is started from here. Returns it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Program:
    """A server that says `listening on http://ADDRESS:PORT`, pinned to one core; ends with the block."""

    def __init__(self, command, port=None, env=None):
        self.process = subprocess.Popen(
            pinned(SERVER_CORE, command), stdout=subprocess.PIPE, env={**os.environ, **(env or {})}, text=True)
        self.pid = self.process.pid
        if port is None:
            line = self.process.stdout.readline()
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)
            if not found:
                self.stop()
                raise RuntimeError(f"{command[0]} did not start: {line!r}")
            port = int(found[1])
        self.port = port
        wait_until_it_accepts(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def cpu_seconds(self):
        """Of all its threads, to the nanosecond: the process's CPU clock (clock_getcpuclockid(3))."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def waited_for_a_core(self):
        """Seconds, of all its threads: what others of the machine took from it."""
        text = [p.read_text() for p in pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat")]
        return sum(int(t.split()[1]) for t in text) / 1e9

    def rss_kib(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1])


class TlsTestbed(Program):
    """The testbed, of which only the TLS port is used."""

    def __init__(self, certificate, *options):
        super().__init__([BIN / "testbed", "--port", "0", "--threads", "1", "--log", "error", "--tls-port", "0", "--cert",
                          certificate.chain, "--key", certificate.key, *options])
        line = self.process.stdout.readline()
        found = re.search(r"listening on https://127\.0\.0\.1:(\d+)", line)
        if not found:
            self.stop()
            raise RuntimeError(f"the testbed speaks no TLS: {line!r}")
        self.port = int(found[1])


class Certificate:
    """Of its own root, for localhost, made by the `openssl` command."""

    def __init__(self, scratch):
        self.chain, self.key = pathlib.Path(scratch) / "server.pem", pathlib.Path(scratch) / "server.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                        self.key, "-out", self.chain], check=True, stderr=subprocess.DEVNULL)


def wait_until_it_accepts(program):
    end = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", program.port), timeout=5).close()
        except OSError:
            if program.process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.02)


def wait_until_busy(program):
    """Until it has used the processor for half a second more."""
    enough = program.cpu_seconds() + 0.5
    end = time.monotonic() + 60
    while program.cpu_seconds() < enough:
        if time.monotonic() > end:
            raise RuntimeError("the server is not loaded")
        time.sleep(0.05)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def testbed(*options, of=BIN):
    """`of`: the directory of its build."""
    return Program([of / "testbed", "--port", "0", "--threads", "1", "--log", "error", *options])


def raw_epoll():
    return Program([BIN / "raw_epoll"])


def nginx(scratch, certificate=None):
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        return None
    port = free_port()
    conf = pathlib.Path(scratch) / "nginx.conf"
    text = (RIVALS / "nginx.conf.in").read_text()
    text = text.replace("@DIR@", str(scratch)).replace("@PORT@", f"{port} ssl" if certificate else str(port))
    if certificate:
        text = text.replace("server {", f"server {{ ssl_certificate {certificate.chain}; "
                            f"ssl_certificate_key {certificate.key}; ssl_protocols TLSv1.2 TLSv1.3;", 1)
    conf.write_text(text)
    return Program([program, "-p", scratch, "-c", conf, "-e", "stderr"], port=port)


def go(scratch):
    if not shutil.which("go"):
        return None
    built = pathlib.Path(scratch) / "go_server"
    subprocess.run(["go", "build", "-o", built, RIVALS / "go/main.go"], check=True,
                   env={**os.environ, "GOCACHE": f"{scratch}/go-cache", "GO111MODULE": "off", "GOFLAGS": ""})
    return Program([built], env={"GOMAXPROCS": "1"})


def scratch_directory():
    return tempfile.TemporaryDirectory(prefix="lastcall-bench-")


def one_answer(port, path="/"):
    """The whole response to one GET, read until its 6 bytes of body are there."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\nhello\n"):
            piece = s.recv(4096)
            if not piece:
                raise RuntimeError(f"no whole answer: {answer!r}")
            answer += piece
        return answer


def connect_many(count, port, ask=True, tls=False):
    """`count` keep-alive connections, each with one answered request if `ask`; then they are idle."""
    sockets = []
    believing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    believing.check_hostname, believing.verify_mode = False, ssl.CERT_NONE
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port), timeout=20)
        if tls:
            s = believing.wrap_socket(s)
        if ask:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            if not s.recv(4096).endswith(b"hello\n"):
                raise RuntimeError("no whole answer")
        sockets.append(s)
    return sockets


def machine():
    cpu = re.search(r"model name\s*: (.+)", pathlib.Path("/proc/cpuinfo").read_text())
    release = re.search(r'PRETTY_NAME="(.+)"', pathlib.Path("/etc/os-release").read_text())
    load = os.getloadavg()[0]
    return (f"{os.cpu_count()} cores ({cpu[1] if cpu else 'unknown'}), {release[1] if release else 'Linux'}, "
            f"Linux {os.uname().release.split('-')[0]}, load before the run {load:.1f}")
