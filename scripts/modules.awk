# Who may include whom. Reads C++ files named lastcall/MODULE/…, relative to the root; prints what is not allowed as
# FILE:LINE: why, and ends with 1 if there was any. The table is docs/design/contract.md, Modules.
BEGIN {
  allowed["core"] = ""
  allowed["net"] = "core"
  allowed["http"] = "core net"
  allowed["testing"] = "core"
  allowed["cli"] = "core testing"
}

function bad(why) {
  printf "%s:%d: %s\n", FILENAME, FNR, why
  violations++
}

function may_include(from, to) {
  if (from == to || index(" " allowed[from] " ", " " to " ")) return 1
  return test && to == "testing"  # a test may use the exact client and the doubles, wherever it stands
}

# Optional, private to one file, and loaded while the program runs.
function optional_in(file, header) { return file ~ /^lastcall\/core\/debug_info\.cpp$/ && header ~ /^elfutils\// }

FNR == 1 {
  split(FILENAME, part, "/")
  module = part[2]
  test = FILENAME ~ /_test\.[ch]pp$/
  public_header = FILENAME ~ /\.hpp$/ && FILENAME !~ /\/detail\// && !test
  known = module in allowed
  if (!known) bad("module " module " is not in the table of scripts/modules.awk: say there what it may include")
}

known && /^[ \t]*#[ \t]*include[ \t]*["<]/ {
  target = $0
  sub(/^[^"<]*["<]/, "", target)
  sub(/[">].*$/, "", target)
  quoted = $0 ~ /include[ \t]*"/

  if (target ~ /^lastcall\//) {
    split(target, part, "/")
    if (!may_include(module, part[2])) bad(module " may not include " target " (allowed: " (allowed[module] == "" ? "nobody" : allowed[module]) ")")
  } else if (quoted) {
    bad("write the path from the root, as in \"lastcall/net/listen/listener.hpp\", instead of \"" target "\"")
  }
  if (target ~ /^boost\//) {
    if (module == "core") bad("core stands on the standard library and POSIX: no " target)
    else if (module == "http" && public_header) bad("a public header of http shows no third-party type: no " target)
    if (target ~ /^boost\/beast/) bad("Beast is only what tests/fuzz compares with: no " target)
  } else if (module == "core" && !test && !quoted && target ~ /\// && target !~ /^(sys|linux|netinet|arpa|net|asm|bits)\// && !optional_in(FILENAME, target)) {
    bad("core stands on the standard library and POSIX: no " target)
  }
}

END { exit violations > 0 }
