# Installs the public headers of lastcall_modules from lastcall_source into lastcall_include, and those of detail/ that
# they include, directly or through others. Tests' headers never. Run by cmake --install.
cmake_policy(VERSION 3.25)
set(headers "")
foreach(module IN LISTS lastcall_modules)
  file(GLOB public RELATIVE ${lastcall_source} ${lastcall_source}/lastcall/${module}/*.hpp)
  list(APPEND headers ${public})
endforeach()
list(FILTER headers EXCLUDE REGEX "_test\\.hpp$")

set(installed "")
while(headers)
  list(POP_FRONT headers header)
  if(header IN_LIST installed)
    continue()
  endif()
  list(APPEND installed ${header})
  file(STRINGS ${lastcall_source}/${header} includes REGEX "^#include \"lastcall/")
  list(TRANSFORM includes REPLACE "^#include \"([^\"]+)\".*" "\\1")
  list(APPEND headers ${includes})

  get_filename_component(folder ${header} DIRECTORY)
  file(INSTALL DESTINATION ${lastcall_include}/${folder} TYPE FILE FILES ${lastcall_source}/${header})
endwhile()
