"""The fences of a page: what their first lines mean, and the source file that a page's C++ fragments are."""
import dataclasses
import re

RUN = {"cpp", "sh", "cmake", "json"}
SHOWN = {"text"}  # what a program prints
NEEDS_REASON = {"yaml", "ini", "html", "js", "dockerfile"}
REASONS = ("scripts/test", "scripts/demo", "installs on this machine", "for a cluster", "measures for minutes", "needs ")
# What these folders show is no advice to a reader: parts of interfaces, kept output, and what a script made of headers.
SHOWN_FOLDERS = ("docs/design/", "docs/evidence/", "docs/reference/")
FRAMES = {
    "main": ("int fragment() {", "return 0; }"),
    "file": ("", ""),
    "handler": ("lastcall::http::response fragment() {", "}"),
    "coroutine": ("lastcall::task<lastcall::http::response> fragment() {", "co_return lastcall::http::response(); }"),
    "session": ("lastcall::task<> fragment() {", "co_return; }"),
    "options": ("const lastcall::http::server_options fragment =", ";"),
}


@dataclasses.dataclass
class Fence:
    page: str
    line: int  # of the fence itself
    section: int
    language: str
    words: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"


def fences_of(root, page):
    found, open_fence, lines, section = [], None, [], 0
    for number, line in enumerate((root / page).read_text(encoding="utf-8").splitlines(), 1):
        mark = re.match(r"^ *(```+) *(\S*) *(.*?) *$", line)
        if not open_fence and re.match(r"^ *~~~", line):
            raise SystemExit(f"{page}:{number}: a fence begins with ```, not with ~~~")
        if not open_fence and mark:
            open_fence, lines = (mark[1], Fence(page, number, section, mark[2], mark[3], "")), []
        elif open_fence and mark and mark[1] == open_fence[0] and not mark[2]:
            open_fence[1].text = "".join(f"{each}\n" for each in lines)
            found.append(open_fence[1])
            open_fence = None
        elif open_fence:
            lines.append(line)
        elif line.startswith("#"):
            section += 1
    if open_fence:
        raise SystemExit(f"{open_fence[1]}: a fence without an end")
    return found


def fault_of(fence):
    """What is wrong with its first line; empty if nothing."""
    if not fence.language:
        return "a fence without a language: sh, cpp, cmake and so on, or text for what a program prints"
    if fence.language not in RUN | SHOWN | NEEDS_REASON:
        return f"nobody knows the language {fence.language}"
    if fence.words.startswith("norun"):
        reason = fence.words.partition("norun: ")[2]
        return "" if reason.startswith(REASONS) else f'"norun: " needs a reason, one of: {", ".join(REASONS)}'
    if fence.language in NEEDS_REASON:
        return f"{fence.language} can't be run here: say norun: and why"
    if fence.language == "cpp":
        frame = fence.words.removeprefix("in: ")
        return "" if not fence.words or frame in FRAMES else f'what is "{fence.words}"? cpp may say in: {", ".join(FRAMES)}'
    if fence.words and (fence.language, fence.words) != ("sh", "serves"):
        return f'what is "{fence.words}"?'
    if fence.words and "\n" in fence.text.replace("\\\n", " ").strip():
        return "what serves is one command"
    return ""


def is_program(fence):
    return re.search(r"^int main\(", fence.text, re.M) and not fence.words


# What stands on a line of its own outside of functions, and holds for the rest of the page.
OUTSIDE = re.compile(r"^(#include |using |namespace \w+ = |// )")


def translation_unit(root, fences):
    """The fragments of one page, in their order: what a reader has included so far is what each can use."""
    text = []
    for number, fence in enumerate(fences):
        frame = FRAMES[fence.words.removeprefix("in: ") or "main"]
        lines = fence.text.replace("…", "").splitlines()
        inside = 0
        while inside < len(lines) and (not lines[inside].strip() or OUTSIDE.match(lines[inside])):
            text += [f'#line {fence.line + 1 + inside} "{fence.page}"', lines[inside]]
            things = re.match(r'#include "lastcall/(\w+)\.hpp"', lines[inside])
            if things and (root / f"tests/docs/{things[1]}.hpp").exists():
                text.append(f'#include "tests/docs/{things[1]}.hpp"')
            inside += 1
        # What one fence of the frame `file` defines, the next may use.
        opened = "" if frame[0] else "inline "
        text += [f"{opened}namespace fence_{number} {{", frame[0], f'#line {fence.line + 1 + inside} "{fence.page}"']
        rest = lines[inside:]
        if fence.words == "in: options" and "".join(rest).lstrip().startswith("."):
            rest = ["{", *rest, "}"]
        text += [*rest, frame[1], "}"]
    return "\n".join(text) + "\n"
