#include "kernels/cpu/conv2d_onednn.h"

#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "kernels/conv2d_checks.h"

namespace pliant::kernels::cpu {

namespace {

using dnnl::memory;

enum class Direction : int { forward, data, filter };

// Compared as bytes: ints only.
struct Key {
  Conv2dSizes sizes;
  Direction direction;
  int bias, relu;
  int inference;  // forward alone: Winograd's filters may stay transformed
  int winograd, bf16;
  int threads;  // some primitives divide their work when they are made

  bool operator==(const Key& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
};
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&key), sizeof key});
  }
};

// Winograd's F(4x4, 3x3) (Lavin and Gray, 2015) needs a quarter of the multiplications, but blocked activations. With the
// reorders to and from them and the transformed filters it wins where there is enough work per filter, and where the image
// fills its tiles; gradients of filters reorder two large tensors, and need more channels. In inference the filters are
// transformed once, so that little work is enough; there oneDNN may take F(2x2, 3x3).
// The rule depends on the shape alone, so that runs can be repeated bit for bit.
bool winograd_pays(const Conv2dSizes& z, Direction direction, bool inference) {
  if (z.r != 3 || z.s != 3 || z.stride != 1 || z.dilation != 1 || z.groups != 1) return false;
  const std::int64_t image_tiles = std::int64_t{(z.p + 3) / 4} * ((z.q + 3) / 4), channels = std::min(z.c, z.k);
  const std::int64_t work = z.n * image_tiles * channels;
  const bool filled = std::int64_t{z.p} * z.q * 10 >= image_tiles * 16 * 6;
  static const long lim = getenv("LIM") ? atol(getenv("LIM")) : 1L<<40;
  if (direction == Direction::filter && z.c * z.k > lim) return false;
  const std::int64_t least = direction == Direction::filter ? 64 : 32;
  return filled && ((channels >= least && work >= 16384) || (inference && channels >= 64 && work >= 512));
}

// oneDNN prefers its implementation by small matrix products, which computes the taps that lie outside the image too. The older one
// leaves them out (on maps of 2 x 2 that is half of the work), and writes each output once; it is the one that takes filters in blocks
// of 16 x 16 channels.
bool prefers_blocks_of_16(const Key& key) {
  const Conv2dSizes& z = key.sizes;
  return key.direction == Direction::forward && !key.winograd && !key.bf16 && z.groups == 1 && z.taps() > 1 && z.c % 16 == 0 && z.k % 16 == 0;
}

std::size_t padded(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

// A tensor of a call: in our layout, and where the primitive wants another one also as a copy in scratch memory.
class Operand {
 public:
  Operand() = default;
  Operand(const dnnl::engine& engine, const memory::desc& ours, const memory::desc& wanted, bool in_scratch = false)
      : ours_(ours, engine, nullptr), wanted_(wanted, engine, nullptr), copied_(in_scratch || ours != wanted) {}

  bool copied() const { return copied_; }
  std::size_t copy_bytes() const { return padded(wanted_.get_desc().get_size()); }
  std::size_t scratch_bytes() const { return copied_ ? copy_bytes() : 0; }
  void place(std::size_t offset) { offset_ = offset; }
  void reorder_in() { reorder_ = dnnl::reorder(ours_, wanted_); }
  void reorder_out(bool accumulate) {
    dnnl::primitive_attr attributes;
    if (accumulate) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attributes.set_post_ops(sum);
    }
    const dnnl::engine engine = ours_.get_engine();
    reorder_ = dnnl::reorder({engine, wanted_.get_desc(), engine, ours_.get_desc(), attributes});
  }
  void bind(const void* data, std::byte* scratch) {
    ours_.set_data_handle(const_cast<void*>(data));
    wanted_.set_data_handle(copied_ ? static_cast<void*>(scratch + offset_) : ours_.get_data_handle());
  }
  void run_in(const dnnl::stream& stream) { run(stream, ours_, wanted_); }
  // For a filter that stays in the form that the primitive wants: not in scratch memory, and converted once.
  void bind_copy(void* copy) { wanted_.set_data_handle(copy); }
  void convert(const dnnl::stream& stream, const Tensor& filter, Tensor& copy) {
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
  void run_out(const dnnl::stream& stream) { run(stream, wanted_, ours_); }
  dnnl_exec_arg_t argument(int index) const { return {index, wanted_.get()}; }

 private:
  void run(const dnnl::stream& stream, const memory& from, const memory& to) {
    if (!copied_) return;
    // The C call: the C++ one builds a map each time.
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from.get()}, {DNNL_ARG_TO, to.get()}};
    dnnl::error::wrap_c_api(dnnl_primitive_execute(reorder_.get(), stream.get(), 2, arguments), "reorder");
  }

  memory ours_, wanted_;
  dnnl::reorder reorder_;
  std::size_t offset_ = 0;
  bool copied_ = false;
};

// A primitive with its memory descriptors. inputs: x and w, dy and w, or dy and x, as the direction asks.
struct Plan {
  dnnl::primitive primitive;
  bool fast = true;  // false: oneDNN has only its reference loops for this
  bool keeps_filter = false;  // inputs[1] is a copy that outlives the call
  Operand inputs[2], output;
  memory bias, scratchpad;
  std::size_t scratchpad_offset = 0, scratch_bytes = 0;
  std::vector<dnnl_exec_arg_t> arguments;
};

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

// Filters in the forms that primitives want, each as long as nobody asks to write into the filter's memory.
class KeptFilters {
 public:
  void* find(Plan& plan, const dnnl::stream& stream, const Tensor& filter) {
    Entry& entry = entries_[{&plan, filter.address()}];
    const std::weak_ptr<const void> memory = filter.memory();
    const bool same = !entry.memory.owner_before(memory) && !memory.owner_before(entry.memory) && entry.writes == filter.writes();
    if (!same || !entry.copy) {
      entry = {memory, filter.writes(), Tensor(filter.context(), {static_cast<std::int64_t>(plan.inputs[1].copy_bytes())}, DType::u8)};
      plan.inputs[1].convert(stream, filter, entry.copy);
      std::erase_if(entries_, [](const auto& other) { return other.second.memory.expired(); });
    }
    return entry.copy.address();
  }

 private:
  struct Entry {
    std::weak_ptr<const void> memory;
    std::uint64_t writes = 0;
    Tensor copy;
  };
  std::map<std::pair<const Plan*, const void*>, Entry> entries_;
};

struct Tail {  // what stands behind the products of a forward pass
  const float* bias = nullptr;
  bool relu = false, inference = false;
};

// oneDNN 2.6 crashes where no memory is left for the code that it generates. Asked of the system itself: malloc would keep more from then on.
void require_room_for_code() {
  constexpr std::size_t kRoom = std::size_t{32} << 20;
  void* const room = mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PLIANT_REQUIRE(MemoryError, room != MAP_FAILED, "no memory on the host for the code of a convolution: oneDNN may need ", kRoom,
                 " bytes; use a smaller batch or net");
  munmap(room, kRoom);
}

class OneDnn : public Attachment {
 public:
  explicit OneDnn(Context& context) : context_(context), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {}

  // False: nothing was computed, as oneDNN has nothing fast for this in bf16 (its loops for f32 are the better choice).
  bool run(const Conv2dSizes& sizes, Direction direction, bool bf16, const Tensor& first, const Tensor& second, const Tail& tail,
           void* output) {
    try {
      Plan& plan = find({sizes, direction, tail.bias != nullptr, tail.relu, tail.inference,
                         !bf16 && winograd_pays(sizes, direction, tail.inference), bf16, omp_get_max_threads()});
      if (bf16 && !plan.fast) return false;
      Tensor scratch(context_, {static_cast<std::int64_t>(std::max<std::size_t>(plan.scratch_bytes, 1))}, DType::u8);
      std::byte* const bytes = reinterpret_cast<std::byte*>(scratch.data<std::uint8_t>());
      plan.inputs[0].bind(first.address(), bytes);
      plan.inputs[0].run_in(stream_);
      if (plan.keeps_filter) {
        plan.inputs[1].bind_copy(kept_.find(plan, stream_, second));
      } else {
        plan.inputs[1].bind(second.address(), bytes);
        plan.inputs[1].run_in(stream_);
      }
      plan.output.bind(output, bytes);
      plan.scratchpad.set_data_handle(bytes + plan.scratchpad_offset);
      if (tail.bias) plan.bias.set_data_handle(const_cast<float*>(tail.bias));
      dnnl::error::wrap_c_api(dnnl_primitive_execute(plan.primitive.get(), stream_.get(),
                                                     static_cast<int>(plan.arguments.size()), plan.arguments.data()),
                              "convolution");
      plan.output.run_out(stream_);
      ++counters.runs;
      return true;
    } catch (const dnnl::error& error) {
      throw DeviceError(cat("oneDNN cannot compute a convolution of ", sizes.n, " images of ", sizes.h, " x ", sizes.w, ", ",
                            sizes.c, " to ", sizes.k, " channels: ", error.what()));
    }
  }

  OneDnnCounters counters;

 private:
  Plan& find(const Key& key) {
    const auto known = plans_.find(key);
    if (known != plans_.end()) return known->second;
    ++counters.plans;
    require_room_for_code();
    if (key.winograd) {
      try {
        Plan& plan = plans_.emplace(key, make_plan(key, engine_)).first->second;
        ++counters.winograd_plans;
    if(getenv("TR")) { Plan& p=plan; fprintf(stderr,"WINO dir %d %dx%d %d->%d scratch %zu KiB pad %zu\n",(int)key.direction,(int)key.sizes.h,(int)key.sizes.w,(int)key.sizes.c,(int)key.sizes.k,p.scratch_bytes>>10,(p.scratch_bytes-p.scratchpad_offset)>>10);}
        return plan;
      } catch (const dnnl::error& error) {
        if (error.status != dnnl_unimplemented) throw;  // oneDNN has Winograd for AVX-512 only
      }
    }
    Key direct = key;
    direct.winograd = 0;
    if(getenv("TR")) { Plan p=make_plan(direct,engine_); fprintf(stderr,"direct dir %d %dx%d %d->%d scratch %zu KiB pad %zu\n",(int)key.direction,(int)key.sizes.h,(int)key.sizes.w,(int)key.sizes.c,(int)key.sizes.k,p.scratch_bytes>>10,(p.scratch_bytes-p.scratchpad_offset)>>10);}
    return plans_.emplace(key, make_plan(direct, engine_)).first->second;
  }

  Context& context_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  std::unordered_map<Key, Plan, KeyHash> plans_;  // references to its elements stay valid
  KeptFilters kept_;
};

// Emulated, bf16 is slower than f32.
bool has_bf16() {
  static const bool has = (static_cast<int>(dnnl::get_effective_cpu_isa()) & static_cast<int>(dnnl::cpu_isa::avx512_core_bf16)) ==
                          static_cast<int>(dnnl::cpu_isa::avx512_core_bf16);
  return has;
}

void* data_of(Tensor& tensor) { return tensor.dtype() == DType::bf16 ? static_cast<void*>(tensor.data<BFloat16>()) : tensor.data<float>(); }

// kind: a tensor of activations, whose dtype decides.
bool run(const Tensor& kind, const Conv2dSizes& sizes, Direction direction, const Tensor& first, const Tensor& second, const Tail& tail,
         Tensor& output) {
  const bool bf16 = kind.dtype() == DType::bf16;
  if (kind.dtype() != DType::f32 && !(bf16 && has_bf16())) return false;
  return kind.context().attachment<OneDnn>().run(sizes, direction, bf16, first, second, tail, data_of(output));
}

const float* bias_of(const Tensor& x, const Tensor& bias) {
  return bias && bias.dtype() == DType::f32 && x.dtype() != DType::f64 ? bias.data<float>() : nullptr;
}

}  // namespace

bool conv2d_onednn_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes sizes = check_conv2d("conv2d", x, w, bias, y, geometry);
  return sizes.n == 0 || run(x, sizes, Direction::forward, x, w, {bias_of(x, bias)}, y);
}

bool conv2d_onednn_inference(const Tensor& x, const Tensor& w, const Tensor& bias, Activation f, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes sizes = check_conv2d("conv2d_fused", x, w, bias, y, geometry);
  return sizes.n == 0 || run(x, sizes, Direction::forward, x, w, {bias_of(x, bias), f == Activation::relu, true}, y);
}

bool conv2d_onednn_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  const Conv2dSizes sizes = check_conv2d("gradient of conv2d", dx, w, {}, dy, geometry);
  return sizes.n == 0 || run(dy, sizes, Direction::data, dy, w, {}, dx);
}

bool conv2d_onednn_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  const Conv2dSizes sizes = check_conv2d("gradient of conv2d", x, dw, {}, dy, geometry, FilterRole::gradient);
  return sizes.n == 0 || run(dy, sizes, Direction::filter, dy, x, {}, dw);
}

OneDnnCounters onednn_counters(Context& context) { return context.attachment<OneDnn>().counters; }

}  // namespace pliant::kernels::cpu
