// Marks functions that both the host and a kernel call; the only CUDA word that ordinary headers need.
#pragma once

#if defined(__CUDACC__)
#define PLIANT_HOST_DEVICE __host__ __device__
#elif defined(__SANITIZE_THREAD__)
// The emulator's instrumentation misses the store of a small struct that a call returns, as in y[i] = from_float(x): so
// nothing in device code is a call.
#define PLIANT_HOST_DEVICE __attribute__((always_inline))
#else
#define PLIANT_HOST_DEVICE
#endif
