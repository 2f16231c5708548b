# Registers every doctest TEST_CASE of an executable with CTest, found after the build by asking the executable itself.
function(pliant_discover_tests target label)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${target}_tests.cmake)
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -DEXECUTABLE=$<TARGET_FILE:${target}> -DLABEL=${label} -DSCRIPT=${script}
            -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DSIMT_LOG=${PLIANT_SIMT_LOG} -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/list_tests.cmake
    VERBATIM)
  file(WRITE ${script}.include "if(EXISTS \"${script}\")\n  include(\"${script}\")\nelse()\n  add_test(${target}_NOT_BUILT ${target}_NOT_BUILT)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script}.include)
endfunction()

# After all pliant_discover_tests(): a test that compares the log of emulated kernels with the sources once every other test has
# run, and one that removes the log of an earlier run before.
function(pliant_check_kernel_coverage)
  add_test(NAME "coverage: a new log" COMMAND ${CMAKE_COMMAND} -E rm -f ${PLIANT_SIMT_LOG})
  set_tests_properties("coverage: a new log" PROPERTIES LABELS coverage)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/kernel_coverage_test.cmake)
  set(sources "${PROJECT_SOURCE_DIR}/core;${PROJECT_SOURCE_DIR}/kernels/gpu;${PROJECT_SOURCE_DIR}/benchmarks")
  file(WRITE ${script} "add_test([=[coverage: every kernel ran in three orders]=] [=[${CMAKE_COMMAND}]=] [=[-DSOURCES=${sources}]=] "
    "[=[-DLOG=${PLIANT_SIMT_LOG}]=] -P [=[${PROJECT_SOURCE_DIR}/cmake/PliantKernelCoverage.cmake]=])\n"
    "set_tests_properties([=[coverage: every kernel ran in three orders]=] PROPERTIES LABELS coverage DEPENDS \"\${pliant_logged_tests}\")\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script})
endfunction()
