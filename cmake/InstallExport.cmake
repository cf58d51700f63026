# SPDX-License-Identifier: Apache-2.0
# Makes `find_package(ulproof)` work: every library of ulproof_add_library with its headers, the config
# that finds what they stand on, and the command. tests/house/consumer checks it from outside.
include(CMakePackageConfigHelpers)

set(ULPROOF_INSTALL_CMAKEDIR "${CMAKE_INSTALL_LIBDIR}/cmake/ulproof")
get_property(ulproof_libraries GLOBAL PROPERTY ULPROOF_LIBRARIES)

# Headers say "formats/codec.h", here and installed, so their root is a folder of our own.
install(TARGETS ulproof_exact_math ${ulproof_libraries} EXPORT ulproof-targets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ulproof")
install(EXPORT ulproof-targets NAMESPACE ulproof:: DESTINATION "${ULPROOF_INSTALL_CMAKEDIR}")

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/ulproof-config.cmake.in" "${PROJECT_BINARY_DIR}/ulproof-config.cmake"
  INSTALL_DESTINATION "${ULPROOF_INSTALL_CMAKEDIR}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ulproof-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/ulproof-config.cmake" "${PROJECT_BINARY_DIR}/ulproof-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindGMP.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindMPFR.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindPCRE2.cmake"
  DESTINATION "${ULPROOF_INSTALL_CMAKEDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
