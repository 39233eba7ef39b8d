"""Wraps the text of pages at 120 columns. Tables, fences, headings and what can't be broken (a long link) stay.

usage: wrap.py [--check] [PAGE…]     default: all pages that git knows; --check changes nothing, and ends with 1 if it would
Only paragraphs and list items with a line that is too long, or that is broken between Chinese characters, are filled anew. A code span stays on one line.
"""
import pathlib
import re
import subprocess
import sys

WIDTH = 120
ITEM = re.compile(r"^(\s*)(?:(?:[-*+]|\d+[.)])\s+)?")
STAYS = re.compile(r"^\s*(\||#|<|>|!\[|\[[^\]]+\]:|={3,}|-{3,}|$)")
# At the beginning of a line these would be a list, a heading, a quotation or a table.
NOT_FIRST = re.compile(r"^([-*+>|]|#+|\d+[.)]|=+|--+)$")
CJK = re.compile(r"[\u2e80-\u9fff\uff00-\uffef\u3000-\u303f]")


def joined(lines):
    """One line. Between Chinese characters a line break is no space."""
    text = lines[0].strip()
    for line in lines[1:]:
        line = line.strip()
        text += line if CJK.match(text[-1]) and CJK.match(line[0]) else f" {line}"
    return text


def words_of(text):
    words = []
    for word in re.findall(r"(?:`[^`]*`|\S)+", text):
        if words and NOT_FIRST.match(word):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def filled(lines):
    prefix = ITEM.match(lines[0])[0]
    text = joined([lines[0][len(prefix):], *lines[1:]])
    out, line = [], prefix
    for word in words_of(text):
        if line.strip() and line != prefix and len(line) + 1 + len(word) > WIDTH:
            out.append(line)
            line = " " * len(prefix)
        line += word if not line.strip() or line == prefix else f" {word}"
    return [*out, line]


def wrapped(text):
    """The text, and the numbers of the lines where blocks begin that changed."""
    out, block, changed, fence = [], [], [], ""
    lines = text.split("\n")

    def flush(number):
        if block and (max(map(len, block)) > WIDTH or any(CJK.match(a[-1]) and CJK.match(b[0]) for a, b in zip(block, block[1:]))):
            new = filled(block)
            if new != block:
                changed.append(number - len(block))
            out.extend(new)
        else:
            out.extend(block)
        block.clear()

    for number, line in enumerate(lines, 1):
        mark = re.match(r"^\s*(```+|~~~+)", line)
        if fence or mark or STAYS.match(line):
            flush(number)
            if mark and not fence:
                fence = mark[1]
            elif mark and line.strip() == fence:
                fence = ""
            out.append(line)
            continue
        if block and re.match(r"^\s*([-*+]|\d+[.)])\s", line):
            flush(number)
        block.append(line)
        if line.endswith(("  ", "\\")):  # a line break that is meant
            flush(number + 1)
    flush(len(lines) + 1)
    return "\n".join(out), changed


def main():
    check = "--check" in sys.argv[1:]
    pages = [each for each in sys.argv[1:] if each != "--check"] or subprocess.run(
        ["git", "ls-files", "*.md"], check=True, capture_output=True, text=True).stdout.splitlines()
    status = 0
    for page in map(pathlib.Path, pages):
        if not page.exists():
            continue
        text = page.read_text(encoding="utf-8")
        new, changed = wrapped(text)
        if not check and new != text:
            page.write_text(new, encoding="utf-8")
        for line in changed if check else []:
            print(f"{page}:{line}: wider than {WIDTH} columns: python3 scripts/wrap.py {page}")
            status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
