#!/usr/bin/env python3
"""The headers that are installed: lastcall/*.hpp and what these include, and no others.

usage: public_headers.py [--write]

Compares cmake/public_headers.txt, by which cmake --install goes, with what the umbrella headers reach. Prints one line
for each difference and ends with 1 if there is one. --write makes the list anew. Run in the root of the tree.
"""
import pathlib
import re
import sys

LIST = pathlib.Path("cmake/public_headers.txt")


def reached():
    """Each reached header, and the header that includes it (an umbrella header: itself)."""
    waiting = [(str(path), str(path)) for path in pathlib.Path("lastcall").glob("*.hpp")]
    found = {}
    while waiting:
        header, by = waiting.pop()
        if header in found:
            continue
        found[header] = by
        text = pathlib.Path(header).read_text(encoding="utf-8")
        waiting += [(other, header) for other in re.findall(r'^\s*#\s*include "(lastcall/[^"]+)"', text, re.MULTILINE)]
    return found


def main():
    found = reached()
    if sys.argv[1:] == ["--write"]:
        LIST.write_text("".join(f"{header}\n" for header in sorted(found)), encoding="utf-8")
        return 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    listed = LIST.read_text(encoding="utf-8").splitlines()
    faults = [f"{LIST}: {header} is not in it, but {found[header]} includes it" for header in sorted(found.keys() - set(listed))]
    faults += [f"{LIST}: {header} is in it, but no umbrella header reaches it" for header in sorted(set(listed) - found.keys())]
    if not faults and listed != sorted(found):
        faults.append(f"{LIST}: not sorted, or a line twice")
    if faults:
        print("\n".join(faults + ["If that is meant: scripts/public_headers.py --write"]))
    return bool(faults)


sys.exit(main())
