# Fails unless every __global__ function of the sources ran on the emulator in all three thread orders.
#   cmake -DSOURCE_DIR=<repository> -DLOG=<file> -P tests/kernel_coverage.cmake
# LOG is the file that PLIANT_SIMT_LOG named while the tests ran; its lines are "kernel order grid block".
cmake_minimum_required(VERSION 3.25)
if(NOT EXISTS "${LOG}")
  message(FATAL_ERROR "no log of emulated kernels at '${LOG}': run the tests with PLIANT_SIMT_LOG set to it")
endif()

file(STRINGS "${LOG}" lines)
foreach(line IN LISTS lines)
  if(line MATCHES "^([A-Za-z0-9_]+)[^ ]* (forward|reverse|shuffled) ")
    set(ran_${CMAKE_MATCH_1}_${CMAKE_MATCH_2} TRUE)
  endif()
endforeach()

file(GLOB_RECURSE sources "${SOURCE_DIR}/core/*.cu" "${SOURCE_DIR}/core/*.cuh" "${SOURCE_DIR}/kernels/gpu/*.cu"
  "${SOURCE_DIR}/kernels/gpu/*.cuh" "${SOURCE_DIR}/benchmarks/*.cu" "${SOURCE_DIR}/benchmarks/*.cuh")
list(FILTER sources EXCLUDE REGEX "/sm90/|_(cuda|cudnn|cublas)\\.cu$")  # never emulated
set(count 0)
set(missing "")
foreach(source IN LISTS sources)
  file(READ "${source}" text)
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "[][;]" " " text "${text}")  # characters that lists cannot hold
  string(REGEX MATCHALL "__global__[^{]*" heads "${text}")
  foreach(head IN LISTS heads)
    if(NOT head MATCHES "([A-Za-z0-9_]+_kernel)[ \n]*\\(")
      message(FATAL_ERROR "${source}: a __global__ function whose name does not end in _kernel: ${head}")
    endif()
    set(kernel ${CMAKE_MATCH_1})
    math(EXPR count "${count} + 1")
    foreach(order forward reverse shuffled)
      if(NOT ran_${kernel}_${order})
        string(APPEND missing "\n  ${kernel} (${source}): not in ${order} order")
      endif()
    endforeach()
  endforeach()
endforeach()

if(count EQUAL 0)
  message(FATAL_ERROR "no __global__ function found below ${SOURCE_DIR}: core, kernels/gpu, benchmarks")
elseif(NOT missing STREQUAL "")
  message(FATAL_ERROR "kernels that no test ran on the emulator:${missing}")
endif()
message(STATUS "all ${count} kernels ran on the emulator in forward, reverse and shuffled order")
