# Tests that cross modules: each tests/process/X_test.cpp is one program that starts others (the testbed, examples, the probe)
# and measures them. Labelled `process`. Most wait more than they work, and run beside each other.

# lastcall_process_test(SOURCE [SANITIZED] [ALONE] [QUIET] [LOCK name] [WHOLE] [WITHIN] [LINK target…] [NEEDS target…]): ALONE is what
# measures time or loads the machine: nothing runs beside it, no build either (label `process-alone`). Under the sanitizers,
# where no time is measured, it runs two at a time. QUIET ones only measure, and run in that part of a release, two at a time. Tests of one LOCK run one after the other. SANITIZED ones, whose verdict does
# not hang on how fast the programs are, run under the sanitizers too; their label is `process-sanitized`. What the sanitizers
# look at there is the programs and our client, not the test's own text, unless the test uses the library WITHIN its own
# process: whatever counts references there must be seen. NEEDS are the programs that the test starts; it finds
# them in $LASTCALL_BIN. A WHOLE one is one test of ctest, so that its hundreds of cases share the program that they ask.
# GTEST_SKIP() << "skipped: why" shows in the summary, but not of a case of a WHOLE one.
function(lastcall_process_test source)
  cmake_parse_arguments(arg "SANITIZED;ALONE;QUIET;WHOLE;WITHIN" "LOCK" "LINK;NEEDS" ${ARGN})
  if(LASTCALL_SANITIZE AND NOT arg_SANITIZED)
    return()
  endif()
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE
    lastcall::testing lastcall_warnings GTest::gmock GTest::gtest_main ${arg_LINK})
  target_compile_options(${name} PRIVATE ${LASTCALL_TEST_OPTIONS})
  if(LASTCALL_SANITIZE)
    target_link_options(${name} PRIVATE -fsanitize=${LASTCALL_SANITIZE})
    if(arg_WITHIN)
      target_link_libraries(${name} PRIVATE lastcall_options)
    endif()
  endif()
  if(arg_NEEDS)
    add_dependencies(${name} ${arg_NEEDS})
  endif()
  # One label that says both: gtest_discover_tests takes lists of labels apart.
  set(label process)
  if((arg_ALONE OR arg_QUIET) AND NOT LASTCALL_SANITIZE)
    set(label process-alone)
  elseif(arg_SANITIZED)
    set(label process-sanitized)
  endif()
  set(properties LABELS ${label} TIMEOUT 900 ENVIRONMENT "LASTCALL_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  if(arg_ALONE AND NOT LASTCALL_SANITIZE)
    list(APPEND properties RUN_SERIAL ON)
  elseif(arg_ALONE OR (arg_QUIET AND NOT LASTCALL_SANITIZE))
    list(APPEND properties PROCESSORS ${LASTCALL_BUSY})
  endif()
  if(arg_LOCK)
    list(APPEND properties RESOURCE_LOCK ${arg_LOCK})
  endif()
  if(LASTCALL_SANITIZE)  # the second of two variables: gtest_discover_tests takes their list apart
    list(APPEND properties ENVIRONMENT_MODIFICATION "LASTCALL_SANITIZED=set:${LASTCALL_SANITIZE}")
  endif()
  if(arg_WHOLE)
    add_test(NAME process.${name} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(process.${name} PROPERTIES ${properties})
  else()
    gtest_discover_tests(${name} TEST_PREFIX process. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
  endif()
endfunction()
