# Which room may include which. Reads docs/design/rooms.md, whose table says it, then C++ files below lastcall/, relative to
# the root; prints what is not allowed as FILE:LINE: why, and ends with 1 if there was any.
function bad(why) {
  printf "%s:%d: %s\n", FILENAME, FNR, why
  violations++
}

function room_of(path) {
  sub(/\/[^\/]*$/, "", path)
  sub(/^lastcall\/?/, "", path)
  return path
}

function module_of(room) {
  sub(/\/.*/, "", room)
  return room
}

# A row of the table: a room, and what it and the rooms that it names may include.
FILENAME ~ /\.md$/ && /^\| [a-z0-9\/]+ \|/ && !/^\| room \|/ {
  split($0, cell, "|")
  gsub(/ /, "", cell[2])
  room = cell[2]
  known[room] = 1
  allowed[room, room] = 1
  named = split(cell[4], lower, " ")
  for (i = 1; i <= named; i++) {
    if (!(lower[i] in known)) bad(room " names " lower[i] ", which is no room above it")
    for (r in known) if ((lower[i], r) in allowed) allowed[room, r] = 1
  }
  next
}
FILENAME ~ /\.md$/ { next }

FNR == 1 {
  here[FILENAME] = 1
  room = room_of(FILENAME)
  module = module_of(room)
  test = FILENAME ~ /_test\.[ch]pp$/
  umbrella = room == ""
  if (!umbrella && !(room in known)) {
    bad("room " room " is not in the table of docs/design/rooms.md: say there what it may include")
    known[room] = unknown[room] = 1
  }
}

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
  target = $0
  sub(/^[^"<]*["<]/, "", target)
  sub(/[">].*$/, "", target)
  quoted = $0 ~ /include[ \t]*"/

  if (!(FILENAME in first)) first[FILENAME] = target
  if (target ~ /^lastcall\//) {
    other = room_of(target)
    includes[FILENAME] = includes[FILENAME] " " target
    if (other == "" && !umbrella && !test) bad("an umbrella header is for programs: include the room's own instead of " target)
    if (target ~ /_test\.hpp$/ && !test) bad("only tests include " target)
    reaches = (room, other) in allowed || umbrella || room in unknown
    if (test) reaches = reaches || module_of(other) == module || module_of(other) == "testing" || other == ""
    if (!reaches) bad(room " may not include " target)
  } else if (quoted) {
    bad("write the path from the root, as in \"lastcall/net/endpoint.hpp\", instead of \"" target "\"")
  }
  if (target ~ /^boost\//) {
    if (module == "core") bad("core stands on the standard library and POSIX: no " target)
    if (target ~ /^boost\/beast/) bad("Beast is only what tests/fuzz compares with: no " target)
    boost[FILENAME] = FNR
  } else if (module == "core" && !test && !quoted && target ~ /\// && target !~ /^(sys|linux|netinet|arpa|net|asm|bits)\// &&
             !(FILENAME == "lastcall/core/stacks/debug_info.cpp" && target ~ /^elfutils\//)) {
    bad("core stands on the standard library and POSIX: no " target)
  }
}

# What programs reach through the umbrella headers.
function reach(header, from, coroutines,    all, count, i) {
  if (seen[header]++) return
  if (header in boost && !coroutines) {
    printf "%s: shows Boost to programs that have no coroutines, by %s\n", from, header
    violations++
  }
  if (header in boost && header ~ /^lastcall\/http\//) {
    printf "%s:%d: a header of http that programs include shows no third-party type\n", header, boost[header]
    violations++
  }
  count = split(includes[header], all, " ")
  for (i = 1; i <= count; i++) reach(all[i], from, coroutines)
}

END {
  # So every header is compiled alone once: at the top of its source.
  for (file in here) {
    own = file
    if (sub(/\.cpp$/, ".hpp", own) && own !~ /_test\.hpp$/ && own in here && first[file] != own) {
      printf "%s: include %s first, which shows that it needs nothing before it\n", file, own
      violations++
    }
  }
  for (file in includes) {
    if (file !~ /^lastcall\/[a-z]+\.hpp$/) continue
    delete seen
    reach(file, file, file ~ /\/(task|tcp|streaming|middleware|events|websocket)\.hpp$/)
  }
  exit violations > 0
}
