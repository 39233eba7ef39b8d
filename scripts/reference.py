"""Makes docs/reference from the comments of the headers.

usage: reference.py [--check]     --check changes nothing, says which pages are not up to date, and ends with 1 then
A page has what its headers declare, in their order; what the library uses itself is left out. To have a new header there,
add it to PAGES.
"""
import pathlib
import re
import sys
import textwrap

import declarations
import wrap

ROOT = pathlib.Path()
FOLDER = "docs/reference"
PAGES = {
    "app": ("The app and its components", [
        "core/app/app", "core/app/functions", "core/lifecycle/component", "core/clock", "core/context/context", "core/context/stop_token", "core/gate", "core/app/registry",
        "core/stacks/watched_thread"]),
    "request": ("A request", [
        "http/message/request", "http/message/method", "http/message/form", "http/message/cookies", "http/message/client_address",
        "http/message/trace"]),
    "response": ("A response", ["http/message/response", "http/message/problem", "http/files/file", "http/message/status"]),
    "router": ("The router", ["http/routing/router"]),
    "handlers": ("Handlers", [
        "http/routing/handler", "http/routing/responder", "http/requests/streaming", "http/files/save", "http/requests/middleware",
        "net/task", "net/wait"]),
    "server": ("Servers", ["http/server/server", "net/connection/served_component", "net/connection/shutdown_result", "http/server/admin", "http/requests/access_log", "net/tcp/tcp_server", "net/tcp/tcp_stream",
                           "net/loop/runtime"]),
    "long-lived": ("Event streams and WebSockets", [
        "http/sse/events", "http/sse/event_text:event", "http/sse/event_group", "http/ws/websocket", "http/ws/websocket_message",
        "http/ws/websocket_group"]),
    "log-and-metrics": ("Log, metrics, report", ["core/log/log", "core/log/log_limit", "core/metrics", "core/report/report", "core/report/ledgers"]),
    "listen": ("Listeners of your own", ["net/listen/drain_of_listener", "net/listen/listen_options", "net/endpoint", "net/unique_fd"]),
    "work": ("Pools, queues, ticks, child processes", [
        "work/pool", "work/no_lease", "net/acquire", "work/work_queue", "work/not_queued", "net/push", "work/periodic", "work/child",
        "work/run_child", "core/process/exit_status"]),
    "postgres": ("PostgreSQL", [
        "adapters/postgres/pool", "adapters/postgres/connection", "adapters/postgres/transaction", "adapters/postgres/rows",
        "adapters/postgres/pipeline", "adapters/postgres/copy", "adapters/postgres/listener",
        "adapters/postgres/async_connection", "adapters/postgres/error"]),
    "sqlite": ("SQLite", [
        "adapters/sqlite/pool", "adapters/sqlite/connection", "adapters/sqlite/transaction", "adapters/sqlite/backup",
        "adapters/sqlite/rows", "adapters/sqlite/error"]),
    "redis": ("Redis", [
        "adapters/redis/pool", "adapters/redis/connection", "adapters/redis/commands", "adapters/redis/reply",
        "adapters/redis/consumer", "adapters/redis/entry", "adapters/redis/subscription", "adapters/redis/error"]),
    "grpc": ("gRPC", ["adapters/grpc/server", "adapters/grpc/context_of", "adapters/grpc/client_context"]),
    "kafka": ("Kafka", [
        "adapters/kafka/message", "adapters/kafka/consumer", "adapters/kafka/consumer_options", "adapters/kafka/producer", "adapters/kafka/async_producer",
        "adapters/kafka/not_sent"]),
    "testing": ("Tests", ["testing/harness", "testing/component_double", "testing/virtual_clock", "testing/program", "testing/exact_client",
                          "testing/fault_relay", "testing/check_adapter"]),
    "options": ("Options", None),  # every struct of options, and what their members are
    "reload": ("Reload: SIGHUP, on_reload, certificates", [
        "core/app/app_options:hangup", "core/app/app_options:app_options:sighup", "core/app/app_options:app_options:on_reload",
        "core/app/app:app:also_reload", "net/connection/served_component:served_component:reload_certificates"]),
    "errors": ("Errors", None),  # what all of these say of errors
}
# Of the structs of options these come first; all others follow.
FIRST_OPTIONS = ["app_options", "http::server_options", "http::limits", "net::thread_pool_options", "net::tls_options",
                 "net::listen_options", "http::admin_options", "net::tcp_server_options", "net::session_limits"]
OWN = re.compile(r"For (the library's own|middleware|the connections|the server's own|connections:|router::)|Deleted rather")

faults = []


def declared(spec):
    """The entities of "HEADER", "HEADER:NAME" or "HEADER:NAME:MEMBER"."""
    header, *names = spec.split(":")
    path = f"lastcall/{header}.hpp"
    if not (ROOT / path).exists():
        faults.append(f"scripts/reference.py: no header {path}")
        return []
    found = [each for each in declarations.declarations_of(ROOT, path) if for_readers(each)]
    for name in names:
        found = [each for each in found if each.name == name] or [m for e in found for m in e.members if m.name == name]
    if not found:
        faults.append(f"scripts/reference.py: nothing is called {spec}")
    return found


def for_readers(entity):
    if "detail::" in entity.declaration or OWN.match(entity.comment):
        return False
    if re.search(r"= delete$|operator=|(^|\s)~|= default$|^\w+\(\w+&&( other)?\) noexcept$", entity.declaration):
        return False
    if not entity.comment and re.search(r"^template|^explicit operator|override$|\w+::\w+\(", entity.declaration):
        return entity.kind != "function"
    if entity.kind == "alias" and " = " not in entity.declaration:
        return False
    return True


def umbrella_of(header):
    """The header that a program includes for it: the one that names it, or else what names one that includes it."""
    todo, seen = [header], set()
    while todo:
        now = todo.pop(0)
        for path in sorted((ROOT / "lastcall").glob("*.hpp")):
            if f'#include "{now}"' in path.read_text(encoding="utf-8"):
                return f"lastcall/{path.name}"
        seen.add(now)
        todo += [path for path, text in headers().items() if f'#include "{now}"' in text and path not in seen]
    return header


_headers = {}


def headers():
    if not _headers:
        for path in sorted((ROOT / "lastcall").rglob("*/*.hpp")):
            if not path.name.endswith("_test.hpp"):
                _headers[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
    return _headers


def escaped(text):
    """As text of a page, not as HTML or emphasis. What stands in backquotes stays."""
    parts = re.split(r"(`[^`]*`)", text)
    for at in range(0, len(parts), 2):
        parts[at] = re.sub(r"[<>*\\@#]", lambda m: {"<": "&lt;", ">": "&gt;", "#": "&#35;", "@": "&#64;"}.get(m[0], f"\\{m[0]}"), parts[at])
    return "".join(parts)


MARKS = r"(Errors(?:, [a-z ]+)?|Threads|Blocks|Source): "


def pieces(text):
    """A comment's paragraph in parts: what it says, then (mark, text) of Errors and so on."""
    text = " ".join(text.split("\n"))
    parts = re.split(rf"(?:^|\s+){MARKS}", text)
    said = parts[0].strip()
    return said, [(parts[at], re.sub(r"\s+", " ", parts[at + 1]).strip()) for at in range(1, len(parts), 2)]


def wrapped(text, first="", rest=""):
    return textwrap.fill(re.sub(r"\s+", " ", text), 120, initial_indent=first, subsequent_indent=rest, break_long_words=False,
                         break_on_hyphens=False)


def sentence(text):
    """With a capital: comments behind a member begin with a small letter."""
    text = re.sub(r" {3,}(LASTCALL_\w+)", r" Variable: `\1`", text)
    text = text[:1].upper() + text[1:] if re.match(r"[a-z][a-z]*:? ", text) else text
    return text if not text or text[-1] in ".:`|)" else text + "."


def paragraphs(comment):
    """The comment as Markdown. Indented lines are code, lines of a table stay."""
    out, block, kind = [], [], ""

    def flush(before_code=False):
        if block and kind == "code":
            out.append("```text\n" + textwrap.dedent("\n".join(block)) + "\n```")
        elif block and kind == "table":
            # A table of words: `open`, /livez. As it stands.
            out.append("\n".join(re.sub(r" {2,}", " ", line) if "---" not in line else re.sub(r"-{4,}", "---", line) for line in block))
        elif block:
            said, marked = pieces("\n".join(block))
            if said:
                out.append(wrapped(escaped(said + ":" if before_code and said[-1] not in ".:" else sentence(said))))
            if marked:
                out.append("\n".join(wrapped(f"**{mark}**: {escaped(sentence(text))}", "- ", "  ") for mark, text in marked))
        block.clear()

    for line in comment.split("\n"):
        now = "table" if line.startswith("|") else "code" if re.match(r" {2,}\S", line) else "" if not line.strip() else "text"
        if now != kind:
            flush(now == "code")
            kind = now
        block.append(line)
    flush()
    return "\n\n".join(out)


def declaration_lines(entity):
    text = re.sub(r"(\{\}| = \{\})$", "", entity.declaration) + (";" if entity.kind != "enum" else "")
    return textwrap.wrap(text, 100, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def show_members(entity):
    """Functions and values, each with what it says; those without words of their own stand with the one before."""
    out, code, comment, name = [], [], "", ""

    def flush():
        if code:
            out.append("```cpp\n" + "\n".join(code) + "\n```" + (f"\n{paragraphs(comment)}" if comment else ""))
        code.clear()

    for member in entity.members:
        if not for_readers(member) or member.kind == "type":
            continue
        # A comment is also of the line below it if it names that, or if that is another form of the same.
        with_the_last = code and not member.apart and (not comment or f"`{member.name}`" in comment or member.name == name)
        if member.comment or not with_the_last:
            flush()
            comment, name = member.comment, member.name
        code.extend(declaration_lines(member))
    flush()
    return out


def cell(text):
    said, marked = pieces(text)
    whole = " ".join([sentence(said), *(f"{mark}: {sentence(what)}" for mark, what in marked)])
    return escaped(whole).replace("|", "\\|").strip()


def value_of(declaration):
    default = re.search(r" = (.*)$", declaration)
    value = default[1] if default else ""
    value = re.sub(r"(?:std::chrono::)?(seconds|milliseconds|hours|minutes)\((\d+)\)",
                   lambda m: f"{m[2]} " + {"seconds": "s", "milliseconds": "ms", "hours": "h", "minutes": "min"}[m[1]], value)
    return "" if value in ("{}", '""') else f"`{value}`" if value else ""


def show_values(entity):
    """A struct of options, or the values of an enum, as a table in its order."""
    if entity.kind == "enum":
        if not any(each.comment for each in entity.members):
            return ["Values: " + ", ".join(f"`{each.name}`" for each in entity.members) + "."]
        rows = [f"| `{each.name}` | {cell(each.comment)} |" for each in entity.members]
        return ["\n".join(["| value | meaning |", "|---|---|", *rows])]
    rows, heads = [], ["| member | type | default | meaning |", "|---|---|---|---|"]
    for each in entity.members:
        kind = re.sub(r"(\{\}| = .*)$", "", each.declaration).rpartition(" ")[0].replace("static constexpr ", "").replace("|", "\\|")
        kind = re.sub(r"(?<!\w)::", "", kind)  # a reader is not within our namespace; Doxygen takes it for a link
        rows.append(f"| `{each.name}` | `{kind}` | {value_of(each.declaration)} | {cell(each.comment)} |")
    return ["\n".join([*heads, *rows])]


def show(entity, level="##"):
    out = [f"{level} `{entity.qualified}`"]
    if entity.kind in ("function", "alias", "value"):
        out.append("```cpp\n" + "\n".join(declaration_lines(entity)) + "\n```")
    if entity.comment:
        out.append(paragraphs(entity.comment))
    if entity.kind == "enum" or (entity.kind == "type" and entity.members and all(m.kind == "value" for m in entity.members)):
        out += show_values(entity)
    elif entity.kind == "type":
        inner = [each for each in entity.members if each.kind == "type" and for_readers(each)]
        for each in inner:
            out += [f"{level}# `{each.qualified}`", *([paragraphs(each.comment)] if each.comment else []),
                    *(show_values(each) if all(m.kind == "value" for m in each.members) else show_members(each))]
        if inner and entity.members:
            out.append(f"{level}# Members of `{entity.qualified}`")
        out += show_members(entity)
    return "\n\n".join(out)


def head(title, specs):
    includes = sorted({umbrella_of(f"lastcall/{spec.partition(':')[0]}.hpp") for spec in specs})
    made = "<!-- made of the headers' comments by scripts/reference.py: change them there -->"
    listed = ", ".join(f"`{each}`" for each in includes)
    return f"# {title}\n{made}\n" + wrapped(f"Include {listed}. All names are in `lastcall::`.")


def public_headers():
    """What programs reach: the umbrella headers, and what these include."""
    todo, found = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "lastcall").glob("*.hpp"))], []
    while todo:
        now = todo.pop(0)
        if now not in found and (ROOT / now).exists():
            found.append(now)
            todo += re.findall(r'#include "(lastcall/[^"]+)"', (ROOT / now).read_text(encoding="utf-8"))
    return found


_options = []


def options():
    """All structs of options, then the enums and plain structs that their members are."""
    if _options:
        return _options
    known = [each for header in public_headers() for each in declarations.declarations_of(ROOT, header) if for_readers(each)]
    found = [each for each in known if each.kind == "type" and each.members and re.search(r"(^|_)(options|limits)$", each.name)]
    # Those of tests are on their page.
    found = [each for each in found if not each.scope.startswith("testing")]
    found.sort(key=lambda each: (FIRST_OPTIONS.index(each.qualified) if each.qualified in FIRST_OPTIONS else 99, each.qualified))
    plain = {}  # by name, and where it is more than one, those of a namespace by that, too
    for each in known:
        if each.kind == "enum" or (each.kind == "type" and each.members and all(m.kind == "value" for m in each.members)):
            plain[each.name] = plain[each.scope, each.name] = each
    names = [each.name for each in found]
    for each in found:
        for member in each.members:
            for word in re.findall(r"\w+", re.sub(r" = .*", "", member.declaration).rpartition(" ")[0]):
                if word in plain and word not in names:
                    names.append(word)
                    found.append(plain.get((each.scope, word), plain[word]))
    _options.extend(found)
    return found


def page_of(title, specs):
    listed = {each.qualified for each in options()}
    parts, last = [head(title, specs)], None
    for spec in specs:
        for entity in declared(spec):
            if ":" not in spec and entity.kind == "type" and entity.qualified in listed:
                parts.append(f"## `{entity.qualified}`\n\nIn [options](options.md).")
                continue
            # Overloads share a heading.
            if last and entity.kind == last.kind == "function" and entity.qualified == last.qualified:
                parts.append("\n\n".join(show(entity).split("\n\n")[1:]))
            else:
                parts.append(show(entity))
            last = entity
    return "\n\n".join(parts) + "\n"


def options_page(title):
    parts = [head(title, [each.header.removeprefix("lastcall/").removesuffix(".hpp") for each in options()])]
    parts += [show(each) for each in options()]
    return "\n\n".join(parts) + "\n"


def errors_page(title):
    """Every sentence behind "Errors:", by page."""
    specs = [spec for page, (_, listed) in PAGES.items() if listed and page != "reload" for spec in listed]
    parts = [head(title, specs), "What each function throws when it fails, as its own page says it.", "## How a connection ended"]
    parts += [show(each, "###") for each in declared("net/io_error") if each.name in ("io_end", "io_result")]
    for page, (name, listed) in PAGES.items():
        rows = []
        for spec in listed or []:
            if page == "reload":
                continue
            for entity in declared(spec):
                for each in (entity, *(m for m in entity.members if for_readers(m))):
                    for mark, text in pieces(each.comment)[1]:
                        if mark.startswith("Errors"):
                            rows.append(f"| `{each.qualified}` | {cell(text)} |")
        if rows:
            parts.append("\n".join([f"## Of [{name.lower()}]({page}.md)\n", "| what | errors |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def names_page():
    """Each name that the pages have, with the header to include for it."""
    rows = []
    for page, (_, specs) in PAGES.items():
        for spec in specs or [] if page != "reload" else []:
            for entity in declared(spec):
                rows.append((entity.qualified.rpartition("::")[2], f"| `{entity.qualified}` | `{umbrella_of(entity.header)}` | [{page}]({page}.md) |"))
    for each in options():
        rows.append((each.name, f"| `{each.qualified}` | `{umbrella_of(each.header)}` | [options](options.md) |"))
    kept = {line.split("|")[1]: line for _, line in sorted(rows, key=lambda row: "(options.md)" in row[1])}
    table = sorted(kept.values(), key=lambda line: (line.split("`")[1].rpartition("::")[2], line))
    return "\n".join(["# Names and their headers", "<!-- made by scripts/reference.py -->", "All are in `lastcall::`.\n", "| name | include | page |",
                      "|---|---|---|", *table]) + "\n"


def index():
    rows = "\n".join(f"- [{title}]({page}.md)" for page, (title, _) in PAGES.items())
    return ("# Reference\n<!-- by scripts/reference.py -->\nMade of the headers' comments. How it is used: "
            f"[first server](../guide/first-server.md), [handlers](../guide/handlers.md).\n\n{rows}\n- [Names and their headers](names.md)\n\nAlso: [limits](../limits.md), [report and exit codes](../report.md), "
            "[variables and metrics](../guide/operate.md).\n")


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    made = {"index": index(), "names": names_page()}
    for page, (title, specs) in PAGES.items():
        made[page] = page_of(title, specs) if specs else options_page(title) if page == "options" else errors_page(title)
    made = {page: wrap.wrapped(text)[0] for page, text in made.items()}
    folder = ROOT / FOLDER
    kept = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    if not check:
        folder.mkdir(exist_ok=True)
        for page in kept.keys() - made.keys():
            (folder / f"{page}.md").unlink()
        for page, text in made.items():
            (folder / f"{page}.md").write_text(text, encoding="utf-8")
    for page in sorted(made.keys() | kept.keys()) if check else []:
        if made.get(page) != kept.get(page):
            faults.append(f"{FOLDER}/{page}.md is not what the headers say: python3 scripts/reference.py")
    print("\n".join(dict.fromkeys(faults)))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
