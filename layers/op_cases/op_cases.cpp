#include "layers/op_cases/families.h"

namespace pliant {

namespace {

template <class T>
void append(std::vector<T>& all, std::vector<T> more) {
  for (T& one : more) all.push_back(std::move(one));
}

}  // namespace

Shape shape_of(const Sizes& sizes) {
  Shape shape;
  for (const std::int64_t size : sizes) shape.append(size);
  return shape;
}

double bytes_of(const std::vector<Tensor>& tensors) {
  double bytes = 0.0;
  for (const Tensor& tensor : tensors) bytes += static_cast<double>(tensor.bytes());
  return bytes;
}

std::vector<OpCase> op_cases() {
  std::vector<OpCase> all;
  append(all, elementwise_cases());
  append(all, training_cases());
  append(all, loss_cases());
  append(all, channels_cases());
  append(all, batch_norm_cases());
  append(all, pool_cases());
  append(all, local_response_norm_cases());
  append(all, convolution_cases());
  append(all, linear_cases());
  return all;
}

std::vector<KernelCase> kernel_cases() {
  std::vector<KernelCase> all;
  append(all, memory_kernel_cases());
  append(all, training_kernel_cases());
  append(all, loss_kernel_cases());
  append(all, channels_kernel_cases());
  append(all, batch_norm_kernel_cases());
  append(all, exits_kernel_cases());
  append(all, convolution_kernel_cases());
  return all;
}

std::vector<OpFamily> op_families() {
  std::vector<OpFamily> all;
  append(all, convolution_families());
  append(all, batch_norm_families());
  append(all, elementwise_families());
  append(all, pool_families());
  append(all, channels_families());
  append(all, loss_families());
  append(all, training_families());
  return all;
}

}  // namespace pliant
