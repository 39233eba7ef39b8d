#!/usr/bin/env python3
"""Every public name of the headers, one a line, so that a change of it is seen: api/MAJOR.MINOR.txt.

usage: api.py [--write]

A line is SCOPE: DECLARATION, as the header has it, without comments and bodies. Public is what the umbrella headers
reach, but for private members, namespaces named detail, and classes declared for those alone. clang++-19 says what is declared where. Compares, prints the
difference and ends with 1 if there is one, or if a declaration names a detail type. --write makes the file anew.
Run in the root of the tree.
"""
import difflib
import json
import pathlib
import re
import subprocess
import sys

COMPILER = "clang++-19"
LIBRARIES = ["libpq"]  # whose headers the adapters' headers show
FUNCTIONS = {"FunctionDecl", "CXXMethodDecl", "CXXConstructorDecl", "CXXDestructorDecl", "CXXConversionDecl",
             "CXXDeductionGuideDecl"}
TEMPLATES = {"FunctionTemplateDecl", "ClassTemplateDecl", "TypeAliasTemplateDecl", "VarTemplateDecl"}
RECORDS = {"CXXRecordDecl", "ClassTemplateSpecializationDecl", "ClassTemplatePartialSpecializationDecl"}
WHOLE = {"TypeAliasDecl", "TypedefDecl", "TypeAliasTemplateDecl", "UsingDecl", "NamespaceAliasDecl"}


class source:
    """A header's text, its comments blanked: places stay where they are."""

    def __init__(self, path):
        raw = pathlib.Path(path).read_bytes()
        token = rb'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|//[^\n]*|/\*.*?\*/'
        self.text = re.sub(token, lambda m: re.sub(rb"[^\n]", b" ", m[0]) if m[0][:1] == b"/" else m[0], raw,
                           flags=re.DOTALL)

    def until(self, begin, ends):
        """From `begin` to the first of the characters `ends` that no bracket encloses."""
        depth, at, text = 0, begin, self.text
        while at < len(text):
            c = text[at:at + 1]
            if c in b"\"'" and not (c == b"'" and text[at - 1:at].isalnum()):
                at = re.compile(rb'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', re.DOTALL).match(text, at).end()
                continue
            if depth == 0 and c in ends:
                if c != b":" or (text[at + 1:at + 2] != b":" and text[at - 1:at] != b":"):
                    break
            depth += (c in b"([{") - (c in b")]}")
            at += 1
        return at

    def cut(self, begin, end):
        text = re.sub(r"\s+", " ", self.text[begin:end].decode()).strip()
        return re.sub(r"([(\[<]) | ([)\]>,])(?!=)", r"\1\2", text).replace("template<", "template <")


class headers:
    """What clang prints, with each place's file: it says the file only where that changes."""

    def __init__(self):
        umbrellas = sorted(str(p) for p in pathlib.Path("lastcall").glob("*.hpp"))
        program = "".join(f'#include "{header}"\n' for header in umbrellas)
        libraries = subprocess.run(["pkg-config", "--cflags", *LIBRARIES], stdout=subprocess.PIPE, encoding="utf-8")
        if libraries.returncode:
            sys.exit(f"api.py: needs {' '.join(LIBRARIES)}")
        clang = subprocess.run(
            [COMPILER, "-x", "c++", "-std=c++20", "-I.", *libraries.stdout.split(), "-fsyntax-only", "-Xclang", "-ast-dump=json", "-Xclang",
             "-ast-dump-filter=lastcall", "-"], input=program, stdout=subprocess.PIPE, encoding="utf-8")
        if clang.returncode:
            sys.exit("api.py: the headers do not compile")
        self.sources, self.lines, self.complete, self.opaque = {}, set(), set(), {}
        self.declarators = {}  # of `int a, b;`: where the first name stands, and whether there are several
        printed, decoder, at = clang.stdout, json.JSONDecoder(), 0
        while (at := printed.find("{", at)) >= 0:
            node, at = decoder.raw_decode(printed, at)
            self.file = ""
            self.locate(node)
            if node.get("kind") == "NamespaceDecl" and node.get("name") == "lastcall":
                self.namespace(node, "")
        named = set(re.findall(r"\w+", " ".join(line for _, _, line in self.lines)))
        self.lines |= {line for name, line in self.opaque.items() if name not in self.complete and line[1] in named}
        for header in self.reached(umbrellas):
            for macro in re.findall(rb"^\s*#\s*define\s+(\w+(?:\([^)]*\))?)", self.source_of(header).text, re.MULTILINE):
                self.lines.add(("#define", macro.decode(), "#define: " + macro.decode()))

    def reached(self, waiting):
        seen = set()
        while waiting:
            header = waiting.pop()
            if header not in seen:
                seen.add(header)
                waiting += [h.decode() for h in re.findall(rb'#include "(lastcall/[^"]+)"', self.source_of(header).text)]
        return seen

    def source_of(self, path):
        path = path.removeprefix("./")
        if path not in self.sources:
            self.sources[path] = source(path)
        return self.sources[path]

    def locate(self, node):
        if isinstance(node, list):
            for each in node:
                self.locate(each)
        elif isinstance(node, dict):
            if "offset" in node:
                self.file = node.get("file", self.file)
                node["file"] = self.file
            for key, value in node.items():
                if key != "includedFrom" and isinstance(value, (dict, list)):
                    self.locate(value)

    @staticmethod
    def place(location):
        location = location.get("expansionLoc", location)
        return location["file"], location["offset"]

    def begin(self, node):
        file, offset = self.place(node["range"]["begin"])
        return self.source_of(file), offset

    def add(self, scope, name, text):
        self.lines.add((scope, name, f"{scope}: {text}"))

    def namespace(self, node, scope):
        name = node.get("name", "")
        if not name or name == "detail":
            return
        if not node.get("isInline"):
            scope = f"{scope}::{name}" if scope else name
            self.lines.add((scope, "", f"{scope}: namespace"))
        for child in node.get("inner", []):
            if child["kind"] == "NamespaceDecl":
                self.namespace(child, scope)
            elif child["kind"] == "LinkageSpecDecl":
                for each in child.get("inner", []):
                    self.declaration(each, scope)
            elif child["kind"] in FUNCTIONS - {"FunctionDecl", "CXXDeductionGuideDecl"} or \
                    child["kind"] != "FunctionDecl" and "parentDeclContextId" in child:
                continue  # a member, told in its class
            else:
                self.declaration(child, scope)

    def declaration(self, node, scope, whole=None):
        """`whole` is the template that the node is in, or its friend declaration."""
        kind, name = node["kind"], node.get("name", "")
        if node.get("isImplicit") or not kind.endswith("Decl"):
            return
        if kind == "FriendDecl":
            for each in node.get("inner", []):
                if each["kind"] in FUNCTIONS | TEMPLATES and "previousDecl" not in each:
                    self.declaration(each, scope, node)
            return
        if kind in TEMPLATES and kind != "TypeAliasTemplateDecl":
            own = [n for n in node["inner"] if n["kind"] in FUNCTIONS | RECORDS | {"VarDecl"}]
            if own:
                self.declaration(own[0], scope, whole or node)  # the others are instantiations
            return
        if kind not in FUNCTIONS | RECORDS | WHOLE | {"ConceptDecl", "EnumDecl", "FieldDecl", "VarDecl"}:
            return
        text, begin = self.begin(whole or node)
        if kind in FUNCTIONS:
            body = [n for n in node.get("inner", []) if n["kind"] in ("CompoundStmt", "CoroutineBodyStmt", "CXXTryStmt")]
            end = text.until(begin, b";")
            if body:
                end = min(end, self.place(body[0]["range"]["begin"])[1])
            if kind == "CXXConstructorDecl":
                end = min(end, text.until(text.until(self.place(node["loc"])[1], b"("), b":"))
            self.add(scope, name, text.cut(begin, end))
        elif kind in RECORDS:
            self.record(node, scope, text, begin)
        elif kind == "EnumDecl":
            self.add(scope, name, text.cut(begin, text.until(begin, b"{;")))
            for each in node.get("inner", []):
                if each["kind"] == "EnumConstantDecl":
                    text, begin = self.begin(each)
                    self.add(f"{scope}::{name}", each["name"], text.cut(begin, text.until(begin, b",}")))
        elif kind == "ConceptDecl":  # what it asks for may be a matter of detail
            self.add(scope, name, text.cut(begin, text.until(begin, b"=;")))
        elif kind in WHOLE:
            self.add(scope, name, text.cut(begin, text.until(begin, b";")))
        elif name:
            own = self.place(node["loc"])[1]
            first, several = self.declarators.get((id(text), begin), (own, False))
            end = text.until(own, b"=;" if kind == "VarDecl" else b",;" if several else b";")
            value = re.sub(r" ?=? ?{}$", "", text.cut(own, end))  # an empty one says nothing
            self.add(scope, name, f"{text.cut(begin, first)} {value}")

    def record(self, node, scope, text, begin):
        name = node.get("name", "")
        head = text.cut(begin, text.until(begin, b"{;"))
        if not node.get("completeDefinition"):
            self.opaque.setdefault(f"{scope}::{name}", (scope, name, f"{scope}: {head}"))
            return
        self.complete.add(f"{scope}::{name}")
        self.add(scope, name, head)
        access = "private" if node["tagUsed"] == "class" else "public"
        inner = scope if not name else f"{scope}::{name}"
        for child in node.get("inner", []):
            if child["kind"] == "FieldDecl":
                text, begin = self.begin(child)
                seen = self.declarators.get((id(text), begin))
                self.declarators[id(text), begin] = (seen[0], True) if seen else (self.place(child["loc"])[1], False)
        for child in node.get("inner", []):
            if child["kind"] == "AccessSpecDecl":
                access = child["access"]
            elif access != "private" or child["kind"] == "FriendDecl":
                self.declaration(child, inner)


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        print(__doc__, file=sys.stderr)
        return 2
    version = dict(re.findall(r"#define LASTCALL_VERSION_(\w+) (\d+)", pathlib.Path("lastcall/core/report/version.hpp").read_text()))
    kept = pathlib.Path(f"api/{version['MAJOR']}.{version['MINOR']}.txt")
    now = [line for _, _, line in sorted(headers().lines)]
    if sys.argv[1:]:
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("".join(line + "\n" for line in now), encoding="utf-8")
        return 0
    before = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    changes = list(difflib.unified_diff(before, now, str(kept), "headers", lineterm="", n=0))
    inner = [f"{kept}: a detail type is shown: {line}" for line in now if re.search(r"\bdetail::", line)]
    print("\n".join(inner + changes))
    if changes:
        print("If that is meant: scripts/api.py --write")
    return bool(changes or inner)


sys.exit(main())
