"""Holds the tables of the docs against the code, in both directions, in the tree of the current directory.

usage: tables.py [--write]     --write makes the tables of exit codes anew
Prints what differs, a line each, and ends with 1 if there was any. A name counts as documented when it stands in backquotes
in the column named below; `told_…` stands for all that begin with `told_`.
"""
import pathlib
import re
import sys

differences = []


def read(path):
    return pathlib.Path(path).read_text(encoding="utf-8")


def sources():
    """The code, without tests: path and text."""
    for path in sorted(pathlib.Path("lastcall").rglob("*.[ch]pp")):
        if not re.search(r"_test\.[ch]pp$", path.name):
            yield path, path.read_text(encoding="utf-8")


def rows(page, heading=None):
    """The cells of each row of the page's tables, or of those below one heading. Without the rows of titles."""
    text = read(page)
    if heading:
        text = text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `") or line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def text_of(value):
    return " ".join(map(str, sorted(value) if isinstance(value, set) else value))


def compare(what, page, code, docs):
    """Both: name to what must be equal, or to None."""
    for name in sorted(code.keys() - docs.keys()):
        differences.append(f"{page}: has no row for the {what} {name}")
    for name in sorted(docs.keys() - code.keys()):
        differences.append(f"{page}: {name} is no {what} of the code")
    for name in sorted(code.keys() & docs.keys()):
        if code[name] != docs[name]:
            differences.append(f"{page}: {what} {name}: the code has {text_of(code[name])}, the page {text_of(docs[name])}")


def exit_codes(page, namespace, write):
    header = f"lastcall/core/exit/exit_code.hpp, {namespace}"
    text = read("lastcall/core/exit/exit_code.hpp").partition(f"namespace {namespace} {{")[2].partition("\n}")[0]
    found = re.findall(r"constexpr int (\w+) = (\d+);(?:\s*///< (.*))?", text)
    table = "".join(f"| {number} | `{name}` | {why} |\n" for name, number, why in found)
    begin = f"<!-- from {header}, by scripts/tables.py --write -->\n| code | name | when |\n|---|---|---|\n"
    before, mark, rest = read(page).partition(begin)
    old = re.match(r"(\|.*\n)*", rest)[0]
    if write:
        pathlib.Path(page).write_text(before + mark + table + rest[len(old):], encoding="utf-8")
    elif not mark or old != table:
        differences.append(f"{page}: the table of exit codes is not that of {header}: scripts/tables.py --write")


def codes_of_the_command():
    text = read("lastcall/core/exit/exit_code.hpp")
    probe = text.partition("namespace probe_codes {")[2].partition("\n}")[0]
    numbers = re.findall(r"constexpr int \w+ = (\d+);", probe) + re.findall(r"constexpr int usage = (\d+);", text)
    listed = {
        "docs/man/lastcall.1": read("docs/man/lastcall.1").partition(".SH EXIT STATUS")[2].partition(".SH")[0],
        "lastcall/cli/probe/probe_options.cpp": re.search(r"^Exit: .*$", read("lastcall/cli/probe/probe_options.cpp"), re.M)[0],
    }
    for page, lines in listed.items():
        told = re.findall(r"\b\d+\b", lines)
        compare("exit code", page, dict.fromkeys(numbers), dict.fromkeys(told))


def metrics():
    page, code, docs = "docs/guide/operate.md", {}, {}
    for _, text in sources():
        for kind, name, rest in re.findall(r'\.(counter|gauge|histogram)\(\s*"(\w+)"(.*?);\n', text, re.S):
            labels = re.findall(r'[{,]\s*\{+"(\w+)",', rest)
            code.setdefault(name, set()).update([kind, *labels])
    for names, kind, _ in rows(page, "## Metrics"):
        for name, labels in re.findall(r"`(\w+)(?:\{([\w,]+)\})?`", names):
            docs[name] = {kind, *labels.split(",")} - {"", "component"}
    compare("metric", page, code, docs)


def status():
    page, code, docs = "docs/guide/operate.md", {}, {}
    for path, text in sources():
        names = re.findall(r'\.show\("(\w+)"', text)
        if path.name == "app_status.cpp":
            names += re.findall(r'(?:member|key|write_ms)\((?:json, )?"(\w+)"', text)
        code.update(dict.fromkeys(names))
    for cells in rows(page):
        if cells[0] == "`/status`":
            docs.update(dict.fromkeys(quoted(cells[1])))
    compare("member of /status", page, code, docs)


UNITS = {"": 1, "bytes": 1, "KiB": 2**10, "MiB": 2**20, "TiB": 2**40, "s": 1, "h": 3600}


def amounts(cell):
    return [int(n.replace(",", "")) * UNITS[u] for n, u in re.findall(r"(\d[\d,]*)(?: (bytes|KiB|MiB|TiB|s|h)\b)?", cell)]


def limits():
    page, code, docs = "docs/limits.md", {}, {}
    text = read("lastcall/http/message/limits.hpp").partition("struct limits {")[2].partition("};")[0]
    for name, value in re.findall(r"^  [\w:]+ (\w+) = ([^;]+);", text, re.M):
        factors = re.findall(r"\d+", value)
        code[name] = [int(factors[0]) * (int(factors[1]) if len(factors) > 1 else 1) * (1024 if len(factors) > 2 else 1)]
    named = {"allowed.most_bytes": 2**40, "allowed.most_things": 10**9, "1024 * 1024": 2**20}
    text = read("lastcall/http/message/limits.cpp")
    for name, least, most in re.findall(r'allowed\.number\("(\w+)", l\.\w+, (\d+), (.+)\);', text):
        code[name] += [int(least), named.get(most) or int(most.replace("'", ""))]
    for name in re.findall(r'allowed\.time_above_zero\("(\w+)"', text):
        code[name] += [0, 24 * 3600]
    for cells in rows(page):
        if len(cells) == 4:
            docs[quoted(cells[0])[0]] = amounts(cells[1]) + amounts(cells[2])
    compare("limit (default, least, most)", page, code, docs)


def environment():
    page, code = "docs/guide/operate.md", {}
    for _, text in sources():
        code.update(dict.fromkeys(re.findall(r'"(LASTCALL_\w+)"', text)))
    docs = {name: None for cells in rows(page, "## Environment") for name in quoted(cells[0])}
    compare("variable", page, code, docs)


def report():
    page, code = "docs/report.md", {}
    for path, text in sources():
        names = re.findall(r'\b(?:into|out)\.add\("(\w+)"', text)
        if path.name in ("report_json.cpp", "watchdog.cpp"):
            names += re.findall(r'(?:member|key|write_ms|label \w+)[({](?:json, )?"(\w+)"', text)
        if path.name == "ledgers.hpp":
            names += re.findall(r'\{"(\w+)", &', text)
        code.update(dict.fromkeys(name + "…" if name.endswith("_") else name for name in names))
    docs = {name.split(".")[-1]: None for cells in rows(page) for name in quoted(cells[0])}
    compare("field", page, code, docs)


def options():
    """Each struct of options that a program can reach, in the tests that try every value of them."""
    headers, todo, code = set(), [str(path) for path in pathlib.Path("lastcall").glob("*.hpp")], []
    while todo:
        path = todo.pop()
        if path not in headers:
            headers.add(path)
            text = read(path)
            todo += re.findall(r'#include "(lastcall/[^"]+)"', text)
            code += re.findall(r"^ *(?:template <.*> )?struct (\w*(?:options|limits|faults|behaviour)) \{\n", text, re.M)
    code = [name for name in code if name != "settle_options"]  # the library's own, from others
    tried = [name for path in pathlib.Path("lastcall").rglob("option_ranges_test.cpp")
             for name in re.findall(r"members<(?:\w+::)*(\w+)(?:<\w+>)?>\(\)", path.read_text(encoding="utf-8"))]
    for name in sorted(set(code)):
        if tried.count(name) < code.count(name):
            differences.append(f"option_ranges_test.cpp: does not try {name}, a struct of options of a public header")
    print(f"{len(code)} structs of options")


for page, namespace in (("docs/report.md", "exit_codes"), ("docs/probe.md", "probe_codes")):
    exit_codes(page, namespace, "--write" in sys.argv[1:])
for check in (codes_of_the_command, metrics, status, limits, options, environment, report):
    check()
for line in differences:
    print(line)
sys.exit(bool(differences))
