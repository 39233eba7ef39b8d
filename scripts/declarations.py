"""Reads what a header declares, with its comments. Knows the style of this project's headers, not all of C++."""
import dataclasses
import re


@dataclasses.dataclass
class Entity:
    kind: str  # type, enum, function, value, alias
    name: str
    declaration: str  # one line, without body
    comment: str  # lines as written, without ///
    header: str = ""
    scope: str = ""  # "http::", "http::handler::"
    apart: bool = False  # a blank line stands before it
    members: list = dataclasses.field(default_factory=list)  # of types; of enums their values

    @property
    def qualified(self):
        return self.scope + self.name


OPEN, CLOSE = "([{", ")]}"


def without_arguments(text):
    """Without what stands in <…>, which may hold any bracket."""
    text = text.replace("operator<=>", "operator_").replace("->", "  ")
    while True:
        shorter = re.sub(r"<[^<>]*>", "", text)
        if shorter == text:
            return text
        text = shorter


class Reader:
    def __init__(self, text, header):
        self.text, self.at, self.header = text, 0, header

    def line(self):
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        line, self.at = self.text[self.at:end], end + 1
        return line

    def skip_string(self, at):
        quote = self.text[at]
        at += 1
        while self.text[at] != quote:
            at += 2 if self.text[at] == "\\" else 1
        return at + 1

    def matching(self, at):
        """The place behind the bracket that closes the one at `at`."""
        depth = 0
        while True:
            c = self.text[at]
            if c == '"' or (c == "'" and not self.text[at - 1].isalnum()):
                at = self.skip_string(at)
                continue
            if self.text.startswith("//", at):
                at = self.text.index("\n", at)
            depth += (c in OPEN) - (c in CLOSE)
            at += 1
            if depth == 0:
                return at

    def scope(self, scope, access="public"):
        """All that is public up to the } that ends the scope."""
        found, comment, apart = [], [], False
        while self.at < len(self.text):
            rest = self.text[self.at:self.at + 400]
            c = rest[0]
            if c in " \n;":
                apart = apart or rest.startswith("\n\n")
                self.at += 1
            elif rest.startswith("///<"):
                said = self.line()[4:].strip()
                if found and access == "public":
                    found[-1].comment = f"{found[-1].comment} {said}".strip()
            elif rest.startswith("///"):
                comment.append(self.line()[3:].removeprefix(" "))
            elif rest.startswith(("//", "#")):
                while self.line().endswith("\\"):
                    pass
                comment = []
            elif c == "}":
                self.at += 1
                break
            elif mark := re.match(r"(public|private|protected):", rest):
                access = mark[1]
                self.at += mark.end()
            else:
                entity = self.declaration(scope)
                if isinstance(entity, list):
                    found += entity
                elif entity and access == "public":
                    entity.comment, entity.header, entity.scope = "\n".join(comment).strip("\n"), self.header, scope
                    entity.apart = apart
                    found.append(entity)
                comment, apart = [], False
        return found

    def declaration(self, scope):
        start = self.at
        said = ""  # what was read, without comments and initialisers of constructors
        while True:
            c = self.text[self.at]
            if c == ";":
                self.at += 1
                return self.simple(said)
            if c == '"':
                end = self.skip_string(self.at)
            elif c in "([":
                end = self.matching(self.at)
            elif self.text.startswith("//", self.at):
                self.at = self.text.index("\n", self.at)
                continue
            elif c == "{":
                body = self.body(said, scope)
                if body is not None:
                    return body[0]
                end = self.matching(self.at)
            else:
                end = self.at + 1
            said += self.text[self.at:end]
            self.at = end
            assert self.at < len(self.text), f"{self.header}: no end of {self.text[start:start + 60]}"

    def body(self, said, scope):
        """At a {: what it ends, in a tuple; None if it is an initialiser."""
        plain = " ".join(without_arguments(said).split())
        if re.match(r"(inline )?namespace\b", plain):
            whole = "::".join(part for part in re.split(r"::|\binline\b|\s", plain.partition("namespace")[2])
                              if part not in ("", "lastcall", "v0"))
            self.at += 1
            inner = self.scope(f"{scope}{whole}::" if whole else scope)
            return ([] if "detail" in whole or not plain.split("namespace")[1].strip() else inner,)
        if re.search(r"(?:^|[ >])enum ", plain):
            end = self.matching(self.at)
            values = self.values(self.text[self.at + 1:end - 1])
            self.at = self.text.index(";", end) + 1
            name = re.search(r"enum (?:class |struct )?(\w+)", plain)[1]
            return (Entity("enum", name, " ".join(said.split()), "", members=values),)
        kind = re.match(r"(?:template )?(?:requires .*? )?(struct|class|union) (?:alignas\S+ |\[\[\w+\]\] )?([\w:]+)", plain)
        if kind and "(" not in plain:
            self.at += 1
            members = self.scope(f"{scope}{kind[2]}::", "private" if kind[1] == "class" else "public")
            self.at = self.text.index(";", self.at) + 1
            return (Entity("type", kind[2], " ".join(said.split()), "", members=members),)
        if "(" in plain and "=" not in plain.partition("(")[0].replace("operator=", "").replace("==", ""):
            if re.search(r"\) ?(?:noexcept ?)?: .*\w$", plain):  # a_{…}, of a constructor
                return None
            self.at = self.matching(self.at)
            return (self.simple(said),)
        return None

    @staticmethod
    def values(text):
        found, comment = [], ""
        for line in text.splitlines():
            before, mark, after = line.partition("///")
            names = re.findall(r"(\w+)(?:\s*=\s*[^,]+)?\s*(?:,|$)", before.strip().partition("//")[0])
            if mark and not names and not after.startswith("<"):
                comment += after
            elif mark and not names and found:
                found[-1].comment += after[1:]
            for name in names:
                found.append(Entity("value", name, name, (comment + after.removeprefix("<") if mark else comment).strip()))
                comment = ""
        return found

    @staticmethod
    def simple(said):
        declaration = " ".join(said.split()).replace("[[nodiscard]] ", "")
        plain = without_arguments(declaration)
        if re.match(r"(friend|extern|static_assert|explicit template|template (struct|class|inline)|(template +)?(struct|class|enum) [\w: ]+$)", plain) or not plain:
            return None
        if alias := re.match(r"(?:template )?using (\w+) =", plain):
            return Entity("alias", alias[1], declaration, "")
        if alias := re.match(r"using ([\w:]+)$", plain):
            return Entity("alias", alias[1].rpartition("::")[2], declaration, "")
        head = "operator_" if "operator()" in plain else plain.partition("(")[0]
        if "(" in plain and "=" not in head.replace("operator=", ""):
            # The initialisers of a constructor are none of a reader's business.
            declaration = re.sub(r"\)( noexcept)? : .*$", r")\1", declaration)
            name = re.search(r"(operator ?\S*( bool)?|~?\w+) ?$", head)
            return Entity("function", name[1].replace("operator_", "operator()") if name else head, declaration, "")
        name = re.search(r"(\w+)(?:\[.*\])? ?(?:=.*|\{.*)?$", head)
        return Entity("value", name[1] if name else head, declaration, "")


def declarations_of(root, header):
    """All public declarations of one header, in its order."""
    return Reader((root / header).read_text(encoding="utf-8"), header).scope("")
