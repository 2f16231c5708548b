// An H200 as cuDNN describes devices: what lets it make plans for that card on a machine without one.
#pragma once

namespace pliant::test {

// The properties are those that CUDA documents for compute capability 9.0 and NVIDIA for this card. Nothing here was measured, and
// nothing that is planned with it is run.
inline constexpr const char* kDescribedH200 = R"({
  "cudaDeviceId": 0, "deviceVer": 900, "driverVer": 13000, "deviceName": "NVIDIA H200",
  "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "warpSize": 32,
  "multiProcessorCount": 132, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048,
  "regsPerBlock": 65536, "maxRegistersPerSM": 65536,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,
  "totalGlobalMem": 150000000000, "l2CacheSize": 62914560, "smClockRateKHz": 1980000, "memClockRateKHz": 3201000,
  "pciDeviceId": 9013, "isTccDriver": 0, "supportCoopLaunch": 1
})";

}  // namespace pliant::test
