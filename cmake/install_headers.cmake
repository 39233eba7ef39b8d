# Installs what users include, lastcall/*.hpp of lastcall_source, into lastcall_include, with all that it includes. Tests'
# headers never. Run by cmake --install.
cmake_policy(VERSION 3.25)
file(GLOB headers RELATIVE ${lastcall_source} ${lastcall_source}/lastcall/*.hpp)

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
