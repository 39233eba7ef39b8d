"""Where the CPU time of servers under load goes: samples in user space and in the kernel, and their system calls. By
perf, as root; else by the kernel's ticks and strace. Python's standard library only."""

import collections
import functools
import pathlib
import re
import shutil
import signal
import subprocess
import types

import programs

FREQUENCY = 7919  # samples in a second of CPU time: a prime, so that they do not keep step with the kernel's ticks


def perf_works():
    """True if perf sees the kernel. Without the rights for that it samples user space only, and does not say so."""
    if not shutil.which("perf"):
        return False
    got = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"],
                         capture_output=True, text=True)
    return got.returncode == 0 and re.match("[1-9]", got.stderr) is not None


class Perf:
    """perf, attached to processes until `stop()`. It watches when the constructor returns: its command says so."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            programs.pinned(programs.CLIENT_CORE, ["perf", *options, "--", "sh", "-c", "echo attached; exec cat"]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "attached\n":
            raise RuntimeError(f"perf: {self.process.communicate()[1]}")

    def stop(self):
        errors = self.process.communicate()[1]
        if self.process.returncode != 0:
            raise RuntimeError(f"perf: {errors}")


class PerfSamples:
    """Samples of the CPU clock. Watches from the constructor to `stop()`, as the other three classes do."""

    def __init__(self, scratch, servers, _):
        self.servers, self.data = servers, f"{scratch}/perf.data"
        self.perf = Perf("record", "-q", "-B", "-N", "-e", "cpu-clock", "-F", str(FREQUENCY), "-o", self.data,
                         "-p", ",".join(map(str, servers)))
        self.stop = self.perf.stop

    def user(self):
        """(samples in user space, all samples) of each server, of all its threads."""
        lines = subprocess.run(["perf", "script", "-i", self.data, "-F", "pid,misc"],
                               check=True, capture_output=True, text=True).stdout.splitlines()
        seen = collections.Counter(tuple(line.split()) for line in lines)
        return [(seen[str(pid), "U"], seen[str(pid), "U"] + seen[str(pid), "K"]) for pid in self.servers]


class PerfCalls:
    """System calls of the servers, and of their clients those that write."""

    def __init__(self, scratch, servers, clients):
        self.servers, self.clients, self.out = threads(servers), threads(clients), pathlib.Path(scratch) / "perf.stat"
        self.perf = Perf("stat", "-x,", "-o", self.out, "-e", "raw_syscalls:sys_enter,syscalls:sys_enter_write",
                         "--per-thread", "-p", ",".join(map(str, servers + clients)))
        self.stop = self.perf.stop

    def per_request(self):
        """System calls of each server for each request. wrk writes a request with one call, and writes nothing else."""
        counted = collections.Counter()
        for thread, n, event in re.findall(r"^.*-(\d+),(\d+),,(\w+:\w+),", self.out.read_text(), re.M):
            counted[int(thread), event] += int(n)
        return [sum(counted[t, "raw_syscalls:sys_enter"] for t in server) /
                sum(counted[t, "syscalls:sys_enter_write"] for t in client)
                for server, client in zip(self.servers, self.clients)]


class TickSamples:
    """utime and stime of proc(5), in hundredths of a second."""

    def __init__(self, _, servers, __):
        self.servers, self.before = servers, [self.ticks(pid) for pid in servers]

    def stop(self):
        self.after = [self.ticks(pid) for pid in self.servers]

    def user(self):
        return [(after[0] - before[0], after[1] - before[1]) for after, before in zip(self.after, self.before)]

    @staticmethod
    def ticks(pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]), int(fields[11]) + int(fields[12])


class StraceCalls:
    """A call under strace takes ten times as long, so servers are slower and take larger batches."""

    def __init__(self, scratch, servers, clients):
        self.servers = [self.attached(scratch, pid) for pid in servers]
        self.clients = [self.attached(scratch, pid, "-e", "trace=write") for pid in clients]

    @staticmethod
    def attached(scratch, pid, *options):
        out = pathlib.Path(scratch) / f"strace.{pid}"
        process = subprocess.Popen(["strace", "-f", "-c", *options, "-o", out, "-p", str(pid)],
                                   stderr=subprocess.PIPE, text=True)
        if "attached" not in (line := process.stderr.readline()):
            raise RuntimeError(line)
        return process, out

    def stop(self):
        for process, _ in self.servers + self.clients:
            process.send_signal(signal.SIGINT)
            process.communicate()

    def per_request(self):
        return [self.total(server) / self.total(client) for (_, server), (_, client) in zip(self.servers, self.clients)]

    @staticmethod
    def total(out):
        return int(out.read_text().splitlines()[-1].split()[3])  # % time, seconds, microseconds per call, calls


def threads(pids):
    return [[int(t.name) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()] for pid in pids]


def tools(scratch):
    """What bench/run watches with: `samples` and `calls` take the process ids of servers and of their clients."""
    if perf_works():
        found = PerfSamples, PerfCalls, f"perf, {FREQUENCY} samples of a CPU-second"
    elif shutil.which("strace"):
        found = TickSamples, StraceCalls, "the kernel's ticks and strace (perf is missing, or may not see the kernel)"
    else:
        raise SystemExit("neither perf nor strace is installed (scripts/bootstrap --bench)")
    samples, calls, name = found
    return types.SimpleNamespace(samples=functools.partial(samples, scratch), calls=functools.partial(calls, scratch),
                                 name=name)
