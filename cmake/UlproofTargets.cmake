# SPDX-License-Identifier: Apache-2.0
# One way to make a library and one way to make a test, so that every folder's CMakeLists is a list.

# ulproof_add_library(<layer> SOURCES ... HEADERS ... [LINK ...] [PRIVATE_LINK ...])
# makes ulproof_<layer>, alias ulproof::<layer>. Headers are given relative to the folder and are checked
# to compile alone (target all_verify_interface_header_sets).
function(ulproof_add_library layer)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;LINK;PRIVATE_LINK" ${ARGN})
  set(target ulproof_${layer})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(ulproof::${layer} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${layer} VERIFY_INTERFACE_HEADER_SETS ON)
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${ARG_HEADERS})
  target_link_libraries(${target}
    PUBLIC ulproof::exact_math ${ARG_LINK}
    PRIVATE ${ARG_PRIVATE_LINK} "$<BUILD_INTERFACE:ulproof_developer_flags>")
  set_property(GLOBAL APPEND PROPERTY ULPROOF_LIBRARIES ${target})
endfunction()

# ulproof_compile_quickly(<target>): for code whose running time does not count (it goes into the
# libraries) and whose compiling does: continuous integration spends most of its time there.
function(ulproof_compile_quickly target)
  if(ULPROOF_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  else()
    target_compile_options(${target} PRIVATE "$<$<CONFIG:Release>:-O1>")
  endif()
endfunction()

# ulproof_add_test(<name> SOURCES ... [LINK ...] [LABELS ...] [ARGS ...] [TIMEOUT seconds])
# makes the executable <name> with GoogleTest's main and one ctest entry that runs all of it.
# LABELS defaults to "unit"; the target unit_tests builds what is so labelled.
function(ulproof_add_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS;ARGS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main ulproof::exact_math
    ulproof_developer_flags)
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_compile_definitions(${name} PRIVATE ULPROOF_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  ulproof_compile_quickly(${name})
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if("unit" IN_LIST ARG_LABELS)
    if(NOT TARGET unit_tests)
      add_custom_target(unit_tests)
    endif()
    add_dependencies(unit_tests ${name})
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
