# Run after the build of a test executable: writes one add_test() per test case, each logging the kernels it ran on the emulator.
execute_process(COMMAND ${EXECUTABLE} --list-test-cases --no-version OUTPUT_VARIABLE output RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${EXECUTABLE} cannot list its test cases (${status}):\n${output}")
endif()
string(REPLACE "\n" ";" lines "${output}")
set(script "")
foreach(line IN LISTS lines)
  if(line STREQUAL "" OR line MATCHES "^\\[doctest\\]" OR line MATCHES "^===")
    continue()
  endif()
  string(REPLACE "," "\\," filter "${line}")
  string(APPEND script "add_test([=[${LABEL}: ${line}]=] [=[${EXECUTABLE}]=] [=[--test-case=${filter}]=] --no-version)\n"
    "set_tests_properties([=[${LABEL}: ${line}]=] PROPERTIES LABELS ${LABEL} WORKING_DIRECTORY [=[${SOURCE_DIR}]=] TIMEOUT 600\n"
    "  ENVIRONMENT [=[PLIANT_SIMT_LOG=${SIMT_LOG}]=] DEPENDS \"coverage: a new log\")\n"
    "list(APPEND pliant_logged_tests [=[${LABEL}: ${line}]=])\n")
endforeach()
file(WRITE ${SCRIPT} "${script}")
