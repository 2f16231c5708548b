# How kernels become part of a target: in Pliant's own build, under add_subdirectory, and, from the package, in programs that bring
# operations of their own. PLIANT_WITH_CUDA and PLIANT_SANITIZE say how Pliant was built.
cmake_policy(VERSION 3.25)

# pliant_find_nvcc(): PLIANT_NVCC, the compiler that CMake was told of or that is in the usual places.
function(pliant_find_nvcc)
  if(CMAKE_CUDA_COMPILER)
    set(PLIANT_NVCC ${CMAKE_CUDA_COMPILER} CACHE FILEPATH "the CUDA compiler" FORCE)
  else()
    find_program(PLIANT_NVCC nvcc HINTS $ENV{CUDACXX} $ENV{CUDA_HOME}/bin /usr/local/cuda/bin)
  endif()
endfunction()

# pliant_cuda_library(NAME HEADER header LIBRARY names... HOME variable): PLIANT_NAME_INCLUDE and PLIANT_NAME_LIBRARY from, in this order, the
# folder that the variable names (of CMake or of the environment), the toolkit, the system, and pip's folders (nvidia/cudnn, nvidia/cu13).
function(pliant_cuda_library name)
  cmake_parse_arguments(arg "" "HEADER;HOME" "LIBRARY" ${ARGN})
  get_filename_component(toolkit ${PLIANT_NVCC} REALPATH)
  get_filename_component(toolkit ${toolkit}/../.. ABSOLUTE)
  find_path(PLIANT_${name}_INCLUDE ${arg_HEADER} HINTS ${${arg_HOME}}/include $ENV{${arg_HOME}}/include ${toolkit}/include)
  find_library(PLIANT_${name}_LIBRARY NAMES ${arg_LIBRARY} HINTS ${${arg_HOME}}/lib $ENV{${arg_HOME}}/lib ${toolkit}/lib64 ${toolkit}/lib)
  if(NOT PLIANT_${name}_INCLUDE OR NOT PLIANT_${name}_LIBRARY)
    find_program(pliant_python python3)
    if(pliant_python)
      execute_process(COMMAND ${pliant_python} -c "import nvidia, os\nprint(';'.join(e.path for p in nvidia.__path__ for e in os.scandir(p) if e.is_dir()))"
        OUTPUT_VARIABLE folders OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
    foreach(folder IN LISTS folders)
      find_path(PLIANT_${name}_INCLUDE ${arg_HEADER} PATHS ${folder}/include NO_DEFAULT_PATH)
      find_library(PLIANT_${name}_LIBRARY NAMES ${arg_LIBRARY} PATHS ${folder}/lib NO_DEFAULT_PATH)
    endforeach()
  endif()
endfunction()

# pliant_enable_cuda(): the language CUDA in the folder that calls, where it is not enabled yet; a macro, as enable_language() asks for.
macro(pliant_enable_cuda)
  if(NOT CMAKE_CUDA_COMPILER_LOADED)
    if(NOT CMAKE_CUDA_COMPILER)
      pliant_find_nvcc()
      set(CMAKE_CUDA_COMPILER ${PLIANT_NVCC})
    endif()
    if(NOT CMAKE_CUDA_HOST_COMPILER)
      set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
    endif()
    if(NOT CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES ${PLIANT_CUDA_ARCHITECTURES})
    endif()
    enable_language(CUDA)
    # CMake 3.25 is older than CUDA 13 and does not know that its nvcc speaks C++20.
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
  endif()
endmacro()

# pliant_add_kernels(TARGET files.cu...): adds kernel sources to a target. nvcc compiles them where Pliant was built with CUDA; elsewhere g++
# does, as C++ over the emulator.
macro(pliant_add_kernels target)
  if(PLIANT_WITH_CUDA)
    pliant_enable_cuda()
  endif()
  pliant_add_kernel_sources(${target} ${ARGN})
endmacro()

# In the emulator the thread sanitizer's instrumentation reports every load and store to the emulator's own callbacks
# (core/gpu/simt_hooks.cpp); the sanitizer's runtime is never linked. Under the address sanitizer kernels are compiled without these hooks.
function(pliant_add_kernel_sources target)
  target_sources(${target} PRIVATE ${ARGN})
  if(PLIANT_WITH_CUDA)
    set_target_properties(${target} PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF)
    get_target_property(architectures ${target} CUDA_ARCHITECTURES)
    if(NOT architectures)
      set_target_properties(${target} PROPERTIES CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}")
    endif()
    return()
  endif()
  set(options -xc++ -Wno-unknown-pragmas -Wno-attributes)
  if(NOT PLIANT_SANITIZE)
    # At -O1 the compiler neither merges nor invents loads, so the callbacks see the accesses as they are written.
    list(APPEND options -fsanitize=thread "$<$<NOT:$<CONFIG:Debug>>:-O1>")
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")  # as GCC does by itself: the macro, and hooks of their own for volatile accesses
      list(APPEND options -D__SANITIZE_THREAD__ "SHELL:-mllvm -tsan-distinguish-volatile")
    endif()
  endif()
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "${options}")
endfunction()

# pliant_test_kernels(TARGET files.cu... [ARGUMENTS words...]): the test "TARGET: kernels", which runs the program and then looks whether every
# __global__ function of the files ran on the emulator in forward, reverse and shuffled order. With CUDA it runs the program alone.
function(pliant_test_kernels target)
  cmake_parse_arguments(arg "" "" "ARGUMENTS" ${ARGN})
  if(PLIANT_WITH_CUDA)
    add_test(NAME "${target}: kernels" COMMAND ${target} ${arg_ARGUMENTS})
    return()
  endif()
  list(TRANSFORM arg_UNPARSED_ARGUMENTS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  add_test(NAME "${target}: kernels" COMMAND ${CMAKE_COMMAND} "-DPROGRAM=$<TARGET_FILE:${target}>" "-DARGUMENTS=${arg_ARGUMENTS}"
    "-DSOURCES=${arg_UNPARSED_ARGUMENTS}" -DLOG=${CMAKE_CURRENT_BINARY_DIR}/${target}-kernels.log
    -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/PliantKernelCoverage.cmake)
endfunction()
