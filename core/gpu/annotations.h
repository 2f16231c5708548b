// Marks functions that both the host and a kernel call; the only CUDA word that ordinary headers need.
#pragma once

#if defined(__CUDACC__)
#define PLIANT_HOST_DEVICE __host__ __device__
#else
#define PLIANT_HOST_DEVICE
#endif
