# Each header compiles alone, with the warnings that a user would switch on. One that has a source of its name is the first
# that this includes (scripts/check rooms), so the build has shown it. The others get a tiny source each, built only on
# request (target header_checks, which scripts/check builds). Tests' headers are left out.

# lastcall_header_checks(TARGET ROOT LINK target… [WITHOUT adapter…]): the headers are ROOT/lastcall/**.hpp; LINK is what
# gives include paths; the headers of adapters that are not built are left out.
function(lastcall_header_checks target root)
  cmake_parse_arguments(arg "" "" "LINK;WITHOUT" ${ARGN})
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${root} ${root}/lastcall/*.hpp)
  list(FILTER headers EXCLUDE REGEX "_test\\.hpp$")
  foreach(adapter IN LISTS arg_WITHOUT)
    list(FILTER headers EXCLUDE REGEX "^lastcall/(adapters/${adapter}/|${adapter}(_async)?\\.hpp$)")
  endforeach()
  set(sources "")
  foreach(header IN LISTS headers)
    string(REGEX REPLACE "\\.hpp$" ".cpp" own ${header})
    if(EXISTS ${root}/${own})
      continue()
    endif()
    set(source ${PROJECT_BINARY_DIR}/${target}/${own})
    # Twice: what is not guarded does not compile either.
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
    list(APPEND sources ${source})
  endforeach()
  if(NOT sources)
    add_custom_target(${target})
    return()
  endif()
  add_library(${target} OBJECT EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(${target} PRIVATE ${arg_LINK})
  target_include_directories(${target} PRIVATE ${root})
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wpedantic -Wnon-virtual-dtor -Werror -O0 -g0)
endfunction()
