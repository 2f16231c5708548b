// The active part of a parameter, and its adjoint: one thread per element of the part, which is small beside the
// activations. Positions are distinct, so no two threads add to one element. Bytes per f32 element: pack 8, unpack 12.
// Deterministic.
#include "kernels/pack.h"

#include "core/gpu/launch.h"
#include "kernels/pack_checks.h"

namespace pliant::kernels::gpu {

namespace {

// Both tensors as if they had four dimensions; a null index takes the whole dimension.
struct PackGeometry {
  const std::int32_t* index[4];
  std::uint32_t part[4];  // sizes of the packed tensor
  std::uint32_t step[4];  // distance of neighbours in the whole tensor
};

__device__ std::uint32_t whole_position(const PackGeometry& geometry, std::uint32_t at) {
  std::uint32_t position = 0;
  for (int d = 3; d >= 0; --d) {
    const std::uint32_t own = at % geometry.part[d];
    at /= geometry.part[d];
    position += (geometry.index[d] ? static_cast<std::uint32_t>(geometry.index[d][own]) : own) * geometry.step[d];
  }
  return position;
}

// x: the whole tensor, y [size]: the part
template <class T>
__global__ void pack_kernel(const T* x, PackGeometry geometry, T* y, std::uint32_t size) {
  const std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < size) y[i] = x[whole_position(geometry, i)];
}

template <class T>
__global__ void unpack_accumulate_kernel(const T* dy, PackGeometry geometry, float* dx, std::uint32_t size) {
  const std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < size) dx[whole_position(geometry, i)] += to_float(dy[i]);
}

PackGeometry geometry_of(const Shape& whole, const Shape& part, const std::vector<Tensor>& indices) {
  PackGeometry geometry{};
  std::uint32_t step = 1;
  for (int d = 3; d >= 0; --d) {
    const int own = d - (4 - whole.rank());
    const Tensor index = own < 0 ? Tensor() : indices[static_cast<std::size_t>(own)];
    geometry.index[d] = index ? index.data<std::int32_t>() : nullptr;
    geometry.part[d] = own < 0 ? 1u : static_cast<std::uint32_t>(part[own]);
    geometry.step[d] = step;
    step *= own < 0 ? 1u : static_cast<std::uint32_t>(whole[own]);
  }
  return geometry;
}

}  // namespace

void pack(const Tensor& x, const std::vector<Tensor>& indices, Tensor& y) {
  check_pack("pack", x, indices, y, x.dtype());
  dispatch_gpu(x.dtype(), "pack", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(pack_kernel<T>, y.size(), y.context().stream(), x.data<T>(), geometry_of(x.shape(), y.shape(), indices), y.data<T>(),
              y.size());
  });
}

void unpack_accumulate(const Tensor& dy, const std::vector<Tensor>& indices, Tensor& dx) {
  check_unpack(dy, indices, dx);
  dispatch_gpu(dy.dtype(), "unpack_accumulate", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(unpack_accumulate_kernel<T>, dy.size(), dy.context().stream(), dy.data<T>(),
              geometry_of(dx.shape(), dy.shape(), indices), dx.data<float>(), dy.size());
  });
}

}  // namespace pliant::kernels::gpu
