"""Runs what the pages tell a reader to do: C++ is compiled, programs are started and stopped, commands are run.

usage: fences.py [--root DIR] [--build DIR] [--jobs N] [--only-read] [PAGE…]
  --root DIR    the tree (default: the current directory)
  --build DIR   a build directory whose compiler, libraries and programs are used (default: c++, and no libraries)
  --jobs N      compilations at a time, beside the commands (default: one for each processor)
  --only-read   languages and reasons only: needs no build
  PAGE          only these pages
The rules, and why: docs/design/docs-gate.md. Prints a paragraph for each fence that fails, with page and line.
"""
import argparse
import concurrent.futures
import fcntl
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

from page_fences import RUN, SHOWN_FOLDERS, fault_of, fences_of, is_program, translation_unit

LIMIT = 90  # seconds, for each command and program
# A reader's program says what a fragment leaves out.
FRAGMENT_FLAGS = ["-O0", "-g0", "-fno-lto", "-Wno-unused", "-Wno-shadow", "-Wno-return-type", "-Wno-missing-field-initializers",
                  "-Wno-subobject-linkage", "-Wno-unknown-warning-option"]


class Failure(Exception):
    """What happened, and the line of the page if it is not that of the fence."""

    def __init__(self, what, line=None):
        super().__init__(what)
        self.line = line


def run(command, what, **options):
    """Runs it to its end, and ends what it leaves behind."""
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                 start_new_session=True, **options)
        try:
            status = child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            status = f"no end in {LIMIT} s"
        finally:
            end_group(child)
        output.seek(0)
        said = output.read().decode(errors="replace")[-6000:]
        if status == 77 and "skipped: " in said:  # it says that it can't run here, and why
            print(f"skipped: {said.partition('skipped: ')[2].splitlines()[0]}")
        elif status != 0:
            raise Failure(f"{what} failed ({status})\n{said}")


def end_group(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


class Server:
    """A program that serves until it is told to stop; or that ends by itself before it serves, with 0."""

    def __init__(self, command, **options):
        self.output = tempfile.TemporaryFile()
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT,
                                      start_new_session=True, **options)
        self.port = None
        end = time.monotonic() + LIMIT
        while self.port is None:
            running = self.child.poll() is None
            said = re.search(r"listening on https?://\S*:(\d+)", self.said())
            if said:
                self.port = int(said[1])
            elif not running and self.child.returncode == 0:
                return
            elif not running or time.monotonic() > end:
                self.end()
                raise Failure(f"it does not say where it listens (status {self.child.returncode})\n{self.said()}")
            else:
                time.sleep(0.02)

    def said(self):
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def answers(self):
        if self.port is None:
            return
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=LIMIT) as response:
                response.read()
        except OSError as why:
            raise Failure(f"it does not answer /: {why}\n{self.said()}") from why

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
        try:
            status = self.child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            status = f"no end in {LIMIT} s"
        if status != 0:
            raise Failure(f"told to stop, it ended with {status}\n{self.said()}")

    def end(self):
        end_group(self.child)


class Build:
    """The commands by which a build directory makes examples/01_hello; those of this machine without one."""

    def __init__(self, root, directory):
        self.root, self.directory, self.link_command = root, directory, None
        self.compile_command = ["c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", str(root)]
        if not directory:
            return
        database = json.loads(self.ninja("compdb"))
        source = next(each for each in database if each["file"].endswith("examples/01_hello/main.cpp"))
        self.compile_command = self.without_files(shlex.split(source["command"]), source["file"])
        link = shlex.split(self.ninja("commands", "bin/hello").splitlines()[-1])
        self.link_command = link[link.index("&&") + 1:len(link) - 1 - link[::-1].index("&&")]

    def ninja(self, *what):
        return subprocess.run(["ninja", "-C", str(self.directory), "-t", *what], check=True, capture_output=True, text=True).stdout

    @staticmethod
    def without_files(command, source):
        kept, skip = [], False
        for word in command:
            if not skip and word not in ("-o", "-MT", "-MF", "-MD", "-c", source):
                kept.append(word)
            skip = word in ("-o", "-MT", "-MF")
        return kept

    def compile(self, source, made, flags=()):
        run([*self.compile_command, *flags, "-I", str(self.root), "-c", str(source), "-o", str(made)], "the compiler",
            cwd=self.directory or self.root)

    def link(self, made, program):
        if not self.link_command:
            run(["c++", str(made), "-o", str(program)], "the linker")
            return
        words = [str(made) if word.endswith("01_hello/main.cpp.o") else word for word in self.link_command]
        words[words.index("-o") + 1] = str(program)
        run(words, "the linker", cwd=self.directory)


def flags_for(text):
    """Where the headers of a library are that only some pages use."""
    if '#include "lastcall/postgres' not in text:
        return []
    return subprocess.run(["pkg-config", "--cflags-only-I", "libpq"], check=True, capture_output=True,
                          text=True).stdout.replace("-I", "-isystem").split()


def compile_page(root, build, fences, scratch):
    source = scratch / "fragments.cpp"
    text = translation_unit(root, fences)
    source.write_text(text, encoding="utf-8")
    try:
        build.compile(source, scratch / "fragments.o", [*FRAGMENT_FLAGS, *flags_for(text)])
    except Failure as why:
        first = re.search(rf"^{re.escape(fences[0].page)}:(\d+):.*error: ", str(why), re.M)
        raise Failure(f"does not compile: {why}", int(first[1]) if first else None) from why


def make_program(build, fence, scratch):
    (scratch / "main.cpp").write_text(f'#line {fence.line + 1} "{fence.page}"\n{fence.text}', encoding="utf-8")
    build.compile(scratch / "main.cpp", scratch / "main.o")
    build.link(scratch / "main.o", scratch / "program")


def try_program(program):
    server = Server([str(program)])
    try:
        server.answers()
        server.stop()
    finally:
        server.end()


def configure(root, build, fence, scratch):
    """A project of a reader's, with this in it."""
    (scratch / "third_party").mkdir()
    for place in (scratch / "lastcall", scratch / "third_party/lastcall"):
        place.symlink_to(root)
    (scratch / "main.cpp").write_text("int main() {}\n")
    (scratch / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.25)\nproject(reader LANGUAGES CXX)\n"
                                            f"add_executable(service main.cpp)\n{fence.text}")
    arguments = []
    if "find_package(lastcall" in fence.text:
        run(["cmake", "--install", str(build.directory), "--prefix", str(scratch / "prefix")], "cmake --install")
        arguments = [f"-DCMAKE_PREFIX_PATH={scratch / 'prefix'}"]
    run(["cmake", "-G", "Ninja", "-S", str(scratch), "-B", str(scratch / "build"), *arguments], "cmake")


def like_the_tree(root, build, scratch):
    """What a reader sees who stands in the clone after building it; files that commands make don't reach the tree."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files"], check=True, capture_output=True, text=True).stdout
    for name in {line.partition("/")[0] for line in listed.splitlines()}:
        (scratch / name).symlink_to(root / name)
    (scratch / "build/release").mkdir(parents=True)
    if build.directory:
        (scratch / "build/release/bin").symlink_to(build.directory / "bin")
        (scratch / "build/release/lib").symlink_to(build.directory / "lib")


def run_commands(root, build, fences, scratch, tell):
    """The shell's fences of one page, in order. What serves does so until the next heading."""
    like_the_tree(root, build, scratch)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LASTCALL_")}
    environment["PATH"] = f"{scratch}/build/release/bin:{environment['PATH']}"
    servers = []

    def stop_servers():
        for fence, server in servers:
            with tell(fence):
                server.stop()
        servers.clear()

    try:
        for number, fence in enumerate(fences):
            if number and fence.section != fences[number - 1].section:
                stop_servers()
            with tell(fence):
                if fence.words == "serves":
                    command = ["bash", "-c", f"exec {fence.text}"]
                    servers.append((fence, Server(command, cwd=scratch, env=environment)))
                else:
                    run(["bash", "-euo", "pipefail", "-c", fence.text], "the commands", cwd=scratch, env=environment)
        stop_servers()
    finally:
        for _, server in servers:
            server.end()


class Verdict:
    def __init__(self):
        self.failures = 0

    def tell(self, fence):
        verdict = self

        class Telling:
            def __enter__(self):
                return self

            def __exit__(self, _kind, error, _trace):
                if not isinstance(error, Failure):
                    return False
                verdict.failures += 1
                print(f"{fence.page}:{error.line or fence.line}: {error}", flush=True)
                return True

        return Telling()


def check(root, build, pages, jobs, only_read):
    verdict, compiling, runnable = Verdict(), [], 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fences-"))
    places = iter(range(10_000))

    def place():
        made = folder / str(next(places))
        made.mkdir()
        return made

    try:
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            by_page = {}
            for page in pages:
                fences = fences_of(root, page)
                if not page.startswith("docs/evidence/"):
                    for fence in fences:
                        fault = fault_of(fence) if not page.startswith(SHOWN_FOLDERS) or not fence.language else ""
                        if fault:
                            verdict.failures += 1
                            print(f"{fence}: {fault}")
                if not page.startswith(SHOWN_FOLDERS):
                    by_page[page] = [each for each in fences if not fault_of(each) and not each.words.startswith("norun")]
            if only_read:
                return verdict
            programs = []
            for fences in by_page.values():
                runnable += sum(each.language in RUN for each in fences)
                fragments = [each for each in fences if each.language == "cpp" and not is_program(each)]
                if fragments:
                    compiling.append((fragments[0], pool.submit(compile_page, root, build, fragments, place())))
                for fence in fences:
                    if fence.language == "cpp" and is_program(fence):
                        programs.append((fence, made := place(), pool.submit(make_program, build, fence, made)))
                    elif fence.language == "cmake":
                        compiling.append((fence, pool.submit(configure, root, build, fence, place())))
            for fences in by_page.values():
                for fence in (each for each in fences if each.language == "json"):
                    with verdict.tell(fence):
                        try:
                            json.loads(fence.text)
                        except ValueError as why:
                            raise Failure(f"is no JSON: {why}") from why
                commands = [each for each in fences if each.language == "sh"]
                if commands:
                    run_commands(root, build, commands, place(), verdict.tell)
            for fence, made, result in programs:
                with verdict.tell(fence):
                    result.result()
                    try_program(made / "program")
            for fence, result in compiling:
                with verdict.tell(fence):
                    result.result()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{runnable} fences were run, {verdict.failures} failed")
    return verdict


def in_a_network_of_its_own():
    """Pages name ports. In a network namespace nobody else has them; where there can't be one, they must be free."""
    if os.environ.pop("FENCES_OWN_NETWORK", None):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            up = struct.pack("16sh14x", b"lo", 1)  # struct ifreq: the name, IFF_UP
            fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS
        return
    enter = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") and subprocess.run([*enter, "true"], capture_output=True).returncode == 0:
        os.environ["FENCES_OWN_NETWORK"] = "1"
        os.execvp(enter[0], [*enter, sys.executable, *sys.argv])



def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("usage: ")[2])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path())
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only-read", action="store_true")
    parser.add_argument("pages", nargs="*")
    given = parser.parse_args()
    for name in [each for each in os.environ if each.lower().endswith("_proxy")]:
        del os.environ[name]  # what serves is on this machine, and a proxy would not reach it
    if not given.only_read:
        in_a_network_of_its_own()
    root = given.root.resolve()
    pages = given.pages or subprocess.run(["git", "-C", str(root), "ls-files", "*.md"], check=True, capture_output=True,
                                          text=True).stdout.splitlines()
    missing = [page for page in given.pages if not (root / page).exists()]
    if missing:
        sys.exit(f"{missing[0]}: there is no such page")
    pages = [page for page in pages if (root / page).exists()]  # git lists what is deleted and not committed, too
    build = Build(root, given.build.resolve() if given.build else None)
    sys.exit(1 if check(root, build, pages, given.jobs, given.only_read).failures else 0)


if __name__ == "__main__":
    main()
