// The kernels that are bound by memory, on the shapes of ResNet-20 at batch 128. Bytes are what a kernel has to move at least,
// each tensor once per pass that its header's formula needs; of_copy compares the rate with a copy of as many bytes.
#include "benchmarks/support.h"
#include "kernels/augment.h"
#include "kernels/batch_norm.h"
#include "kernels/channels.h"
#include "kernels/cross_entropy.h"
#include "kernels/pool.h"
#include "kernels/reduce.h"
#include "kernels/sgd.h"

namespace pliant::bench {

namespace {

constexpr std::int64_t kBatch = 128;
constexpr std::int64_t kResNet20 = 269824;  // the scalars of its arena, whole segments of 64
constexpr std::int64_t kTenMillion = 9999360;

// Bytes of f32 tensors that are passed over `passes` times in all.
Work floats(const Shape& shape, double passes) { return {.bytes = 4.0 * passes * static_cast<double>(shape.size())}; }

void add_elementwise(const Place& place, const Shape& shape, const std::string& suffix) {
  add_row(place, "relu_forward" + suffix, floats(shape, 2), [=](Context& context) {
    return [x = random_tensor(context, shape), y = Tensor(context, shape)]() mutable {
      kernels::activation_forward(x, Activation::relu, y);
    };
  });
  add_row(place, "relu_backward" + suffix, floats(shape, 3), [=](Context& context) {
    return [y = random_tensor(context, shape), dx = Tensor(context, shape)]() mutable {
      kernels::activation_backward(y, y, Activation::relu, dx);
    };
  });
  add_row(place, "add" + suffix, floats(shape, 3), [=](Context& context) {
    return [a = random_tensor(context, shape), b = random_tensor(context, shape), y = Tensor(context, shape)]() mutable {
      kernels::add(a, b, 1.0, y);
    };
  });
  add_row(place, "scale_by" + suffix, floats(shape, 2), [=](Context& context) {
    return [x = random_tensor(context, shape), factor = random_tensor(context, {1}), y = Tensor(context, shape)]() mutable {
      kernels::scale_by(x, factor, y);
    };
  });
  add_row(place, "accumulate_dot" + suffix, floats(shape, 2), [=](Context& context) {
    return [a = random_tensor(context, shape), b = random_tensor(context, shape), sum = Tensor::zeros(context, {1})]() mutable {
      kernels::accumulate_dot(a, b, sum);
    };
  });
  add_row(place, "channel_sum" + suffix, floats(shape, 1), [=](Context& context) {
    return [x = random_tensor(context, shape), sums = Tensor::zeros(context, {shape[-1]})]() mutable {
      kernels::channel_sum(x, sums);
    };
  });
}

struct Normalised {  // one batch norm with its tensors; residual and relu as at the end of a residual block
  Normalised(Context& context, const Shape& shape)
      : x(random_tensor(context, shape)), residual(random_tensor(context, shape)), y(Tensor::like(x)), dx(Tensor::like(x)),
        dresidual(Tensor::like(x)), scale(random_tensor(context, {shape[-1]}, 0.5, 1.5)), shift(Tensor::zeros_like(scale)),
        running_mean(Tensor::zeros_like(scale)), running_variance(scale.clone()), mean(Tensor::zeros_like(scale)),
        inverse(scale.clone()), dscale(Tensor::zeros_like(scale)), dshift(Tensor::zeros_like(scale)) {}

  void train(const Tensor& added) {
    kernels::batch_norm_train(x, scale, shift, added, Activation::relu, 0.1, 1e-5, running_mean, running_variance, mean,
                              inverse, y);
  }
  void infer() {
    kernels::batch_norm_infer(x, scale, shift, {}, Activation::relu, 1e-5, running_mean, running_variance, y);
  }
  void backward(Tensor to_residual) {
    kernels::batch_norm_backward(residual, x, y, scale, mean, inverse, Activation::relu, dx, dscale, dshift, to_residual);
  }

  Tensor x, residual, y, dx, dresidual, scale, shift, running_mean, running_variance, mean, inverse, dscale, dshift;
};

void add_batch_norm(const Place& place, const Shape& shape, const std::string& suffix) {
  const auto row = [&](const char* name, double passes, auto call) {
    add_row(place, name + suffix, floats(shape, passes), [=](Context& context) {
      const auto normalised = std::make_shared<Normalised>(context, shape);
      normalised->train({});
      return [=] { call(*normalised); };
    });
  };
  row("batch_norm_train", 3, [](Normalised& n) { n.train({}); });                         // x for the moments; x, y
  row("batch_norm_train_residual", 4, [](Normalised& n) { n.train(n.residual); });
  row("batch_norm_infer", 2, [](Normalised& n) { n.infer(); });
  row("batch_norm_backward", 7, [](Normalised& n) { n.backward({}); });                   // dy, x, y for the sums and again; dx
  row("batch_norm_backward_residual", 7, [](Normalised& n) { n.backward(n.dresidual); });  // dy, x, y, g; then g, x, dx
}

void add_pools(const Place& place) {
  const Shape x_shape{kBatch, 32, 32, 16}, y_shape{kBatch, 16, 16, 16}, last{kBatch, 8, 8, 64};
  const Work work = floats(x_shape, 1.25);
  add_row(place, "average_pool_forward/16@32", work, [=](Context& context) {
    return [x = random_tensor(context, x_shape), y = Tensor(context, y_shape)]() mutable {
      kernels::average_pool_forward(x, {}, y);
    };
  });
  add_row(place, "average_pool_backward/16@32", work, [=](Context& context) {
    return [dy = random_tensor(context, y_shape), dx = Tensor(context, x_shape)]() mutable {
      kernels::average_pool_backward(dy, {}, dx);
    };
  });
  add_row(place, "max_pool_forward/16@32", floats(x_shape, 1.5), [=](Context& context) {
    return [x = random_tensor(context, x_shape), y = Tensor(context, y_shape),
            chosen = Tensor(context, y_shape, DType::i32)]() mutable { kernels::max_pool_forward(x, {}, y, chosen); };
  });
  add_row(place, "max_pool_backward/16@32", floats(x_shape, 1.5), [=](Context& context) {
    const Tensor x = random_tensor(context, x_shape);
    Tensor y(context, y_shape), chosen(context, y_shape, DType::i32);
    kernels::max_pool_forward(x, {}, y, chosen);
    return [=, dx = Tensor(context, x_shape)]() mutable { kernels::max_pool_backward(y, chosen, {}, dx); };
  });
  add_row(place, "global_average_pool_forward/64@8", floats(last, 1), [=](Context& context) {
    return [x = random_tensor(context, last), y = Tensor(context, {kBatch, last[-1]})]() mutable {
      kernels::global_average_pool_forward(x, y);
    };
  });
}

void add_training(const Place& place) {
  add_row(place, "cross_entropy_forward", floats({kBatch, 10}, 2), [](Context& context) {
    return [z = random_tensor(context, {kBatch, 10}), labels = random_integers(context, kBatch, 10),
            losses = Tensor(context, {kBatch}), p = Tensor(context, {kBatch, 10})]() mutable {
      kernels::softmax_cross_entropy_forward(z, labels, {}, {}, 0.0, losses, p);
    };
  });
  for (const std::int64_t size : {kResNet20, kTenMillion}) {
    add_row(place, cat("sgd_step/", size), floats({size}, 5), [=](Context& context) {  // w, gradient, v; w, v
      return [w = random_tensor(context, {size}), gradient = random_tensor(context, {size}), v = Tensor::zeros(context, {size}),
              rules = random_tensor(context, {size / 64, 4}, 1e-4, 1e-3),
              scalars = Tensor::from_host<double>(context, {3}, std::vector<double>{1e-3, 0.9, 1.0}), copy = Tensor()]() mutable {
        kernels::sgd_step(w, gradient, v, rules, {}, scalars, false, copy);
      };
    });
  }
  const Shape batch{kBatch, 32, 32, 3};
  add_row(place, "augment/3@32", {.bytes = 5.0 * static_cast<double>(batch.size())}, [=](Context& context) {  // a byte in, 4 out
    const Augmentation crop_and_flip{.pad = 4, .flip = true};
    const std::vector<std::int32_t> key{1, 2, 3};
    return [=, images = Tensor::zeros(context, {1024, 32, 32, 3}, DType::u8), samples = random_integers(context, kBatch, 1024),
            mean = random_tensor(context, {3}, 0.4, 0.5), deviation = random_tensor(context, {3}, 0.2, 0.3),
            on_device = Tensor::from_host(context, {3}, key), y = Tensor(context, batch)]() mutable {
      kernels::augment(images, samples, mean, deviation, on_device, crop_and_flip, y);
    };
  });
}

void add_rows() {
  for (const Place& place : places()) {
    for (const Shape& shape : {Shape{kBatch, 32, 32, 16}, Shape{kBatch, 16, 16, 32}, Shape{kBatch, 8, 8, 64}}) {
      const std::string suffix = cat("/", shape[-1], "@", shape[1]);
      add_elementwise(place, shape, suffix);
      add_batch_norm(place, shape, suffix);
    }
    add_pools(place);
    add_training(place);
  }
}

}  // namespace

}  // namespace pliant::bench

int main(int argc, char** argv) {
  pliant::bench::add_rows();
  return pliant::bench::run_rows(argc, argv);
}
