# SPDX-License-Identifier: Apache-2.0
# Configures, builds and runs the user's project in tests/house/consumer/<way>, from scratch. Catches: a
# header or a library that is not installed, a config file that misses a dependency, options that leak
# into the including project.
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "consumer ${way}: failed (${status}): ${command}")
  endif()
endfunction()

file(REMOVE_RECURSE "${work}")
set(arguments
  -S "${CMAKE_CURRENT_LIST_DIR}/${way}" -B "${work}/build" -G "${generator}"
  "-DCMAKE_CXX_COMPILER=${compiler}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${launcher}"
  -DCMAKE_BUILD_TYPE=Debug)
if(way STREQUAL "find_package")
  step("${CMAKE_COMMAND}" --install "${ulproof_build}" --prefix "${work}/prefix")
  if(with_cli)
    step("${work}/prefix/bin/ulproof" --version)
  endif()
  list(APPEND arguments "-DCMAKE_PREFIX_PATH=${work}/prefix")
else()
  list(APPEND arguments "-DULPROOF_SOURCE=${ulproof_source}")
endif()
step("${CMAKE_COMMAND}" ${arguments})
step("${CMAKE_COMMAND}" --build "${work}/build")
step("${work}/build/consumer")
