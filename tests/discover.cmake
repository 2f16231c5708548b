# Registers every doctest TEST_CASE of an executable with CTest, found after the build by asking the executable itself.
function(pliant_discover_tests target label)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${target}_tests.cmake)
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -DEXECUTABLE=$<TARGET_FILE:${target}> -DLABEL=${label} -DSCRIPT=${script}
            -DSOURCE_DIR=${CMAKE_SOURCE_DIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/list_tests.cmake
    VERBATIM)
  file(WRITE ${script}.include "if(EXISTS \"${script}\")\n  include(\"${script}\")\nelse()\n  add_test(${target}_NOT_BUILT ${target}_NOT_BUILT)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script}.include)
endfunction()
