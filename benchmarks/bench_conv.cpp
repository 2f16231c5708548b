// Convolutions of ResNet-20 and VGG-16, each direction, each implementation that this build has. GFLOP/s are nominal: products
// with padding zeros count, and Winograd's algorithm, which needs fewer, can exceed the peak of the machine.
#include "benchmarks/support.h"
#include "kernels/conv2d_cross.h"
#include "kernels/cpu/conv2d_direct.h"
#include "kernels/cpu/conv2d_onednn.h"
#include "kernels/gpu/conv2d_direct.h"

namespace pliant::bench {

namespace {

struct Shape2d {
  const char* net;
  std::int64_t size, c, k;
  int stride = 1;
};

constexpr Shape2d kShapes[] = {
    {"resnet20", 32, 3, 16},   {"resnet20", 32, 16, 16},  {"resnet20", 32, 16, 32, 2}, {"resnet20", 16, 32, 32},
    {"resnet20", 16, 32, 64, 2}, {"resnet20", 8, 64, 64}, {"vgg16", 32, 3, 64},        {"vgg16", 32, 64, 64},
    {"vgg16", 16, 64, 128},    {"vgg16", 16, 128, 128},   {"vgg16", 8, 128, 256},      {"vgg16", 8, 256, 256},
    {"vgg16", 4, 256, 512},    {"vgg16", 4, 512, 512},    {"vgg16", 2, 512, 512}};

struct Implementation {
  const char* name;
  decltype(&kernels::cpu::conv2d_forward) forward;
  decltype(&kernels::cpu::conv2d_backward_data) backward_data;
  decltype(&kernels::cpu::conv2d_backward_filter) backward_filter;
  std::int64_t batch;  // the plain loops are slow; their rate hardly depends on the batch
};

std::vector<Implementation> implementations(Backend backend) {
  std::vector<Implementation> all;
  if (backend == Backend::gpu) {
    using namespace kernels::gpu;
    all.push_back({"chosen", conv2d_forward, conv2d_backward_data, conv2d_backward_filter, 128});  // cuDNN, else ours
    all.push_back({"direct", conv2d_direct_forward, conv2d_direct_backward_data, conv2d_direct_backward_filter, 128});
    return all;
  }
  using namespace kernels::cpu;
#if defined(PLIANT_WITH_ONEDNN)
  all.push_back({"onednn", conv2d_forward, conv2d_backward_data, conv2d_backward_filter, 128});
#endif
  all.push_back({"direct", conv2d_direct_forward, conv2d_direct_backward_data, conv2d_direct_backward_filter, 4});
  return all;
}

void add_shape(const Place& place, const Shape2d& of, const Implementation& with) {
  const Conv2dGeometry geometry{.stride = of.stride, .padding = 1};
  const std::int64_t out = geometry.output_size(of.size, 3);
  const Shape x_shape{with.batch, of.size, of.size, of.c}, y_shape{with.batch, out, out, of.k}, w_shape{of.k, 3, 3, of.c};
  const auto batch = static_cast<double>(with.batch);
  const Work work{.flops = 2.0 * static_cast<double>(y_shape.size() * 9 * of.c), .images = batch};
  const std::string row = cat(of.net, "/", of.c, "-", of.k, "@", of.size, of.stride > 1 ? "/s2" : "", "/", with.name, "/");
  add_row(place, row + "forward", work, [=](Context& context) {
    return [=, x = random_tensor(context, x_shape), w = random_tensor(context, w_shape),
            y = Tensor(context, y_shape)]() mutable { with.forward(x, w, {}, geometry, y); };
  });
  add_row(place, row + "data", work, [=](Context& context) {
    return [=, dy = random_tensor(context, y_shape), w = random_tensor(context, w_shape),
            dx = Tensor(context, x_shape)]() mutable { with.backward_data(dy, w, geometry, dx); };
  });
  add_row(place, row + "filter", work, [=](Context& context) {
    return [=, dy = random_tensor(context, y_shape), x = random_tensor(context, x_shape),
            dw = Tensor::zeros(context, w_shape)]() mutable { with.backward_filter(dy, x, geometry, dw); };
  });
}

// The same layer with filters in the shape of a cross, beside the 3x3 rows.
void add_cross(const Place& place, const Shape2d& of) {
  constexpr std::int64_t kBatch = 128;
  const std::int64_t out = (of.size - 1) / of.stride + 1;
  const Shape x_shape{kBatch, of.size, of.size, of.c}, y_shape{kBatch, out, out, of.k}, w_shape{of.k, 5, 1, of.c};
  const Work work{.flops = 2.0 * static_cast<double>(y_shape.size() * 5 * of.c), .images = static_cast<double>(kBatch)};
  const std::string row = cat(of.net, "/", of.c, "-", of.k, "@", of.size, of.stride > 1 ? "/s2" : "", "/cross/");
  add_row(place, row + "forward", work, [=](Context& context) {
    return [=, x = random_tensor(context, x_shape), w = random_tensor(context, w_shape),
            y = Tensor(context, y_shape)]() mutable { kernels::conv2d_cross_forward(x, w, {}, of.stride, y); };
  });
  add_row(place, row + "data", work, [=](Context& context) {
    return [=, dy = random_tensor(context, y_shape), w = random_tensor(context, w_shape),
            dx = Tensor(context, x_shape)]() mutable { kernels::conv2d_cross_backward_data(dy, w, of.stride, dx); };
  });
  add_row(place, row + "filter", work, [=](Context& context) {
    return [=, dy = random_tensor(context, y_shape), x = random_tensor(context, x_shape),
            dw = Tensor::zeros(context, w_shape)]() mutable { kernels::conv2d_cross_backward_filter(dy, x, of.stride, dw); };
  });
}

void add_rows() {
  for (const Place& place : places()) {
    for (const Shape2d& shape : kShapes) {
      add_cross(place, shape);
      for (const Implementation& with : implementations(place.context->backend())) add_shape(place, shape, with);
    }
  }
}

}  // namespace

}  // namespace pliant::bench

int main(int argc, char** argv) {
  pliant::bench::add_rows();
  return pliant::bench::run_rows(argc, argv);
}
