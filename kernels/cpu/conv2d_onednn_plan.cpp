#include "kernels/cpu/conv2d_onednn_plan.h"

#include <algorithm>
#include <cmath>

namespace pliant::kernels::cpu::convolution_plans {

using dnnl::memory;

bool has_winograd() {
  static const bool has = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
  return has;
}

// Winograd's F(4x4, 3x3) (Lavin and Gray, 2015) needs a quarter of the multiplications, but blocked activations. With the
// reorders to and from them and the transformed filters it wins where there is enough work per filter, and where the image
// fills its tiles; gradients of filters reorder two large tensors, and need more channels. In inference the filters are
// transformed once, so that little work is enough; there oneDNN may take F(2x2, 3x3).
bool winograd_pays(const Conv2dSizes& z, Direction direction, bool inference) {
  if (!has_winograd() || z.r != 3 || z.s != 3 || z.stride != 1 || z.dilation != 1 || z.groups != 1) return false;
  const std::int64_t image_tiles = std::int64_t{(z.p + 3) / 4} * ((z.q + 3) / 4), channels = std::min(z.c, z.k);
  const std::int64_t work = z.n * image_tiles * channels;
  const bool filled = std::int64_t{z.p} * z.q * 10 >= image_tiles * 16 * 6;
  const std::int64_t least = direction == Direction::filter ? 64 : 32;
  return filled && ((channels >= least && work >= 16384) || (inference && channels >= 64 && work >= 512));
}

// As many images as keep x, y, their copies in blocks of channels and what the algorithm makes of them in the caches between the reorders and
// the products; a batch as a whole goes through memory several times. The filter is transformed again in each call, and its gradient added up,
// so that large filters want more images. An odd number, since rows of tiles a power of two apart collide in the caches. Measured with 1 MiB
// of second-level cache a core.
int winograd_images(const Conv2dSizes& z, Direction direction) {
  const double image = sizeof(float) * (double(z.h) * z.w * z.c + double(z.p) * z.q * z.k), filter = sizeof(float) * 36.0 * z.c * z.k;
  if (direction != Direction::filter && z.c * z.k > 64 * 64) return z.n;
  const double bytes = direction == Direction::filter ? std::max(2.7e6, 2.0 * filter) : 3.6e6;
  const int calls = static_cast<int>(std::lround(z.n / std::max(bytes / image, 1.0)));
  return calls <= 1 ? z.n : (z.n + calls - 1) / calls | 1;
}

namespace {

std::size_t padded(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

std::size_t Operand::copy_bytes() const { return padded(wanted_.get_desc().get_size()); }

void Operand::reorder_out(bool accumulate) {
  dnnl::primitive_attr attributes;
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  const dnnl::engine engine = ours_.get_engine();
  reorder_ = dnnl::reorder({engine, wanted_.get_desc(), engine, ours_.get_desc(), attributes});
}

void Operand::bind(const void* data, std::byte* scratch) {
  ours_.set_data_handle(const_cast<void*>(data));
  wanted_.set_data_handle(copied_ ? static_cast<void*>(scratch + offset_) : ours_.get_data_handle());
}

void Operand::convert(const dnnl::stream& stream, const Tensor& filter, Tensor& copy) {
  ours_.set_data_handle(filter.address());
  wanted_.set_data_handle(copy.data<std::uint8_t>());
  try {
    dnnl::reorder(ours_, wanted_).execute(stream, ours_, wanted_);
  } catch (const dnnl::error& error) {
    if (error.status != dnnl_unimplemented) throw;  // from our order to Winograd's there is no direct way
    const memory::desc& ours = ours_.get_desc();
    memory plain({ours.dims(), ours.data_type(), memory::format_tag::oihw}, ours_.get_engine());
    dnnl::reorder(ours_, plain).execute(stream, ours_, plain);
    dnnl::reorder(plain, wanted_).execute(stream, plain, wanted_);
  }
}

void Operand::run(const dnnl::stream& stream, const memory& from, const memory& to) {
  if (!copied_) return;
  // The C call: the C++ one builds a map each time.
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from.get()}, {DNNL_ARG_TO, to.get()}};
  dnnl::error::wrap_c_api(dnnl_primitive_execute(reorder_.get(), stream.get(), 2, arguments), "reorder");
}

namespace {

// oneDNN prefers its implementation by small matrix products, which computes the taps that lie outside the image too. The older one
// leaves them out (on maps of 2 x 2 that is half of the work), and writes each output once; it is the one that takes filters in blocks
// of 16 x 16 channels.
bool prefers_blocks_of_16(const Key& key) {
  const Conv2dSizes& z = key.sizes;
  return key.direction == Direction::forward && !key.winograd && !key.bf16 && z.groups == 1 && z.taps() > 1 && z.c % 16 == 0 && z.k % 16 == 0;
}

struct Descriptions {  // of one convolution; "asked" is what the primitive may choose from. Biases and dw are f32 whatever x is
  explicit Descriptions(const Key& key) {
    const Conv2dSizes& z = key.sizes;
    using Tag = memory::format_tag;
    const auto f32 = memory::data_type::f32, type = key.bf16 ? memory::data_type::bf16 : f32;
    const auto w_type = key.direction == Direction::filter ? f32 : type;
    const memory::dims x_dims{z.n, z.c, z.h, z.w}, y_dims{z.n, z.k, z.p, z.q};
    const memory::dims w_dims = z.groups == 1 ? memory::dims{z.k, z.c, z.r, z.s}
                                              : memory::dims{z.groups, z.group_k, z.group_c, z.r, z.s};
    x = {x_dims, type, Tag::nhwc}, y = {y_dims, type, Tag::nhwc}, w = {w_dims, w_type, z.groups == 1 ? Tag::ohwi : Tag::gohwi};
    asked_x = key.winograd ? memory::desc(x_dims, type, Tag::any) : x;
    asked_y = key.winograd ? memory::desc(y_dims, type, Tag::any) : y;
    forward_w = {w_dims, type, prefers_blocks_of_16(key) ? Tag::OIhw16i16o : Tag::any};
    asked_w = {w_dims, w_type, Tag::any};
    if (key.bias) bias = {{z.k}, f32, Tag::x};
    strides = {z.stride, z.stride}, dilations = {z.dilation - 1, z.dilation - 1}, padding = {z.padding, z.padding};
    algorithm = key.winograd ? dnnl::algorithm::convolution_winograd : dnnl::algorithm::convolution_direct;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::post_ops tail;
    if (key.relu) tail.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(tail);
    kind = key.inference ? dnnl::prop_kind::forward_inference : dnnl::prop_kind::forward_training;
  }

  dnnl::convolution_forward::primitive_desc forward(const dnnl::engine& engine) const {
    return {{kind, algorithm, asked_x, forward_w, bias, asked_y, strides, dilations, padding, padding},
            attributes, engine};
  }

  memory::desc x, w, y, bias, asked_x, asked_w, asked_y, forward_w;
  memory::dims strides, dilations, padding;
  dnnl::prop_kind kind;
  dnnl::algorithm algorithm;
  dnnl::primitive_attr attributes;
};

void finish(Plan& plan, const dnnl::engine& engine, const dnnl::primitive_desc_base& made, const int (&indices)[3]) {
  const memory::desc scratchpad = made.scratchpad_desc();
  plan.fast = std::string_view(made.impl_info_str()).find("ref") == std::string_view::npos;
  for (Operand* operand : {&plan.inputs[0], &plan.inputs[1], &plan.output}) {
    if (plan.keeps_filter && operand == &plan.inputs[1]) continue;
    operand->place(plan.scratch_bytes);
    plan.scratch_bytes += operand->scratch_bytes();
  }
  plan.scratchpad_offset = plan.scratch_bytes;
  plan.scratch_bytes += padded(scratchpad.get_size());
  plan.scratchpad = memory(scratchpad, engine, nullptr);
  plan.inputs[0].reorder_in();
  if (!plan.keeps_filter) plan.inputs[1].reorder_in();
  plan.arguments = {plan.inputs[0].argument(indices[0]), plan.inputs[1].argument(indices[1]), plan.output.argument(indices[2]),
                    {DNNL_ARG_SCRATCHPAD, plan.scratchpad.get()}};
}

}  // namespace

Plan make_plan(const Key& key, const dnnl::engine& engine) {
  const Descriptions of(key);
  Plan plan;
  if (key.direction == Direction::forward) {
    const auto made = of.forward(engine);
    plan.primitive = dnnl::convolution_forward(made);
    plan.inputs[0] = Operand(engine, of.x, made.src_desc());
    plan.inputs[1] = Operand(engine, of.w, made.weights_desc());
    plan.output = Operand(engine, of.y, made.dst_desc());
    plan.output.reorder_out(false);
    plan.keeps_filter = key.inference && plan.inputs[1].copied();
    finish(plan, engine, made, {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST});
    if (key.bias) {
      plan.bias = memory(of.bias, engine, nullptr);
      plan.arguments.push_back({DNNL_ARG_BIAS, plan.bias.get()});
    }
  } else if (key.direction == Direction::data) {
    const dnnl::convolution_backward_data::primitive_desc made(
        {of.algorithm, of.asked_x, of.asked_w, of.asked_y, of.strides, of.dilations, of.padding, of.padding}, of.attributes,
        engine, of.forward(engine));
    plan.primitive = dnnl::convolution_backward_data(made);
    plan.inputs[0] = Operand(engine, of.y, made.diff_dst_desc());
    plan.inputs[1] = Operand(engine, of.w, made.weights_desc());
    plan.output = Operand(engine, of.x, made.diff_src_desc());
    plan.output.reorder_out(false);
    finish(plan, engine, made, {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC});
  } else {
    const dnnl::convolution_backward_weights::primitive_desc made(
        {of.algorithm, of.asked_x, of.asked_w, of.asked_y, of.strides, of.dilations, of.padding, of.padding}, of.attributes,
        engine, of.forward(engine));
    plan.primitive = dnnl::convolution_backward_weights(made);
    plan.inputs[0] = Operand(engine, of.y, made.diff_dst_desc());
    plan.inputs[1] = Operand(engine, of.x, made.src_desc());
    plan.output = Operand(engine, of.w, made.diff_weights_desc(), true);  // oneDNN overwrites, we accumulate
    plan.output.reorder_out(true);
    finish(plan, engine, made, {DNNL_ARG_DIFF_DST, DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS});
  }
  return plan;
}

}  // namespace pliant::kernels::cpu::convolution_plans
