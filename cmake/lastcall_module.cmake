# One module is one folder: lastcall/NAME holds its headers, sources and unit tests side by side, and becomes the library
# lastcall::NAME and the test program lastcall_NAME_test. The folder is globbed on purpose: path = include = target, so a
# file that stands in the folder belongs to the target, and no list has to repeat the tree.

add_library(lastcall_warnings INTERFACE)
target_compile_features(lastcall_warnings INTERFACE cxx_std_20)
target_compile_options(lastcall_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wpedantic -Wnon-virtual-dtor $<$<BOOL:${LASTCALL_WERROR}>:-Werror>
  # g++ 12 takes "text" + std::string for an overlap when it optimises (its bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

add_library(lastcall_options INTERFACE)
target_link_libraries(lastcall_options INTERFACE lastcall_warnings)
if(LASTCALL_SANITIZE)
  # g++ 12 takes its own instrumentation for reads of uninitialised optionals.
  target_compile_options(lastcall_options INTERFACE
    -fsanitize=${LASTCALL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  if(LASTCALL_SANITIZE MATCHES "undefined")
    # vptr opens pipes to look at memory, and takes it for corrupt where a test has used up all descriptors. A handler of
    # forced unwinds (pthread_exit) is given a reference to nothing by libstdc++; other null pointers end by SIGSEGV.
    target_compile_options(lastcall_options INTERFACE -fno-sanitize=vptr,null)
  endif()
  if(LASTCALL_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(lastcall_options INTERFACE -Wno-tsan)  # Asio's fences, which the sanitizer does not follow
  endif()
  target_link_options(lastcall_options INTERFACE -fsanitize=${LASTCALL_SANITIZE})
endif()

if(LASTCALL_FUZZER)
  target_compile_options(lastcall_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# With link-time optimisation an archive has code beside the bytecode, which only its own compiler can read.
set(LASTCALL_FAT_OBJECTS "")
if((CMAKE_INTERPROCEDURAL_OPTIMIZATION OR CMAKE_CXX_FLAGS MATCHES "-flto") AND
   (CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 17))
  set(LASTCALL_FAT_OBJECTS -ffat-lto-objects)
endif()

# Of the places that ctest --parallel has, three for each core, a test that keeps a core busy takes three. Most tests
# mostly wait, and take one.
set(LASTCALL_BUSY 3)

# What is tested is optimised, the test's own text is not: it compiles in half the time, and nothing measures it.
set(LASTCALL_TEST_OPTIONS -O0)

# Under the sanitizers each room is one compilation: its sources read the same headers, and what they instantiate is
# instrumented once. What is measured and shipped is compiled file by file, so a missing include does not stay unseen.
# What warns only because several files are one is switched off; every other warning the release build gives.
add_library(lastcall_whole_rooms INTERFACE)
target_compile_options(lastcall_whole_rooms INTERFACE
  -Wno-shadow -Wno-unused-function $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)

function(lastcall_compile_rooms_whole target sources)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:lastcall_whole_rooms>)
  foreach(source IN LISTS sources)
    get_filename_component(room ${source} DIRECTORY)
    file(RELATIVE_PATH room ${CMAKE_CURRENT_SOURCE_DIR} ${room})
    string(MAKE_C_IDENTIFIER "room_${room}" room)
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${room})
  endforeach()
endfunction()

# lastcall_module(NAME [INTERNAL | ADAPTER [OWN_OPTIONS]] [DEPENDS module…] [LINK target…]): DEPENDS are modules whose
# headers ours include; LINK is private. An INTERNAL one is not for users: never shared, never installed. An ADAPTER is
# installed apart; with OWN_OPTIONS its library brings compile options, so that the tests' precompiled header does not fit.
function(lastcall_module name)
  cmake_parse_arguments(arg "INTERNAL;ADAPTER;OWN_OPTIONS" "" "DEPENDS;LINK;TEST_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp *.hpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")

  set(kind "")
  if(arg_INTERNAL)
    set(kind STATIC)
  else()
    if(arg_ADAPTER)
      set_property(GLOBAL APPEND PROPERTY LASTCALL_ADAPTERS ${name})
    else()
      set_property(GLOBAL APPEND PROPERTY LASTCALL_MODULES ${name})
    endif()
    set_property(GLOBAL PROPERTY LASTCALL_${name}_DEPENDS "${arg_DEPENDS}")
  endif()
  add_library(lastcall_${name} ${kind} ${sources})
  add_library(lastcall::${name} ALIAS lastcall_${name})
  set_target_properties(lastcall_${name} PROPERTIES LINKER_LANGUAGE CXX EXPORT_NAME ${name}
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} INSTALL_RPATH "$ORIGIN")
  get_target_property(type lastcall_${name} TYPE)
  if(type STREQUAL "SHARED_LIBRARY")
    # Nobody replaces our functions from outside, so calls within a library may be inlined as in a static one.
    target_compile_options(lastcall_${name} PRIVATE -fno-semantic-interposition)
    set(visible ${PROJECT_SOURCE_DIR}/cmake/visible.map)
    target_link_options(lastcall_${name} PRIVATE -Wl,--version-script=${visible})
    set_property(TARGET lastcall_${name} APPEND PROPERTY LINK_DEPENDS ${visible})
  endif()
  if(type STREQUAL "STATIC_LIBRARY")
    target_compile_options(lastcall_${name} PRIVATE ${LASTCALL_FAT_OBJECTS})
  endif()
  target_include_directories(lastcall_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(lastcall_${name} PUBLIC cxx_std_20)
  list(TRANSFORM arg_DEPENDS PREPEND lastcall::)
  target_link_libraries(lastcall_${name} PUBLIC ${arg_DEPENDS} PRIVATE $<BUILD_INTERFACE:lastcall_options> ${arg_LINK})
  if(LASTCALL_SANITIZE)
    lastcall_compile_rooms_whole(lastcall_${name} "${sources}")
  endif()

  if(LASTCALL_TESTS AND tests)
    add_executable(lastcall_${name}_test ${tests})
    # Several test files are one compilation, which halves the time that a module's tests take. So each has a namespace of
    # its own, named as the file is, instead of one without a name. g++ takes a lambda's coroutine for one without linkage.
    set_target_properties(lastcall_${name}_test PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    target_compile_options(lastcall_${name}_test PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
    # One precompiled header for the tests of all modules: their options are the same.
    get_property(first GLOBAL PROPERTY LASTCALL_FIRST_TEST)
    if(first AND NOT arg_OWN_OPTIONS)
      target_precompile_headers(lastcall_${name}_test REUSE_FROM ${first})
    elseif(NOT first)
      target_precompile_headers(lastcall_${name}_test PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
      set_property(GLOBAL PROPERTY LASTCALL_FIRST_TEST lastcall_${name}_test)
    endif()
    target_compile_options(lastcall_${name}_test PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)  # for ccache
    target_compile_options(lastcall_${name}_test PRIVATE ${LASTCALL_TEST_OPTIONS})
    target_link_libraries(lastcall_${name}_test PRIVATE
      lastcall::${name} lastcall_options GTest::gmock GTest::gtest_main ${arg_TEST_LINK})
    gtest_discover_tests(lastcall_${name}_test TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()
