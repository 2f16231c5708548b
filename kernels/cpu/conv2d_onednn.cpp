#include "kernels/cpu/conv2d_onednn.h"

#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>

#include "kernels/cpu/conv2d_onednn_plan.h"

namespace pliant::kernels::cpu {

namespace {

using namespace convolution_plans;
using dnnl::memory;

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

// From one image to the next, of what a direction reads and writes; a filter belongs to all of them.
struct ImageBytes {
  ImageBytes(const Conv2dSizes& z, Direction direction, std::size_t element) {
    const std::size_t x = std::size_t(z.h) * z.w * z.c * element, y = std::size_t(z.p) * z.q * z.k * element;
    first = direction == Direction::forward ? x : y;
    second = direction == Direction::filter ? x : 0;
    output = direction == Direction::forward ? y : direction == Direction::data ? x : 0;
  }
  std::size_t first, second, output;
};

const std::byte* begin_of(const Tensor& tensor) { return static_cast<const std::byte*>(tensor.address()); }

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
    Key key{sizes, direction, tail.bias != nullptr, tail.relu, tail.inference, !bf16 && winograd_pays(sizes, direction, tail.inference),
            bf16, omp_get_max_threads()};
    const int together = key.winograd ? winograd_images(sizes, direction) : sizes.n;
    const ImageBytes image(sizes, direction, bytes_of(first.dtype()));
    try {
      for (int done = 0; done < sizes.n; done += key.sizes.n) {
        key.sizes.n = std::min(together, sizes.n - done);
        Plan& plan = find(key);
        if (bf16 && !plan.fast) return false;
        execute(plan, begin_of(first) + done * image.first, begin_of(second) + done * image.second, second, tail,
                static_cast<std::byte*>(output) + done * image.output);
      }
    } catch (const dnnl::error& error) {
      throw DeviceError(cat("oneDNN cannot compute a convolution of ", sizes.n, " images of ", sizes.h, " x ", sizes.w, ", ",
                            sizes.c, " to ", sizes.k, " channels: ", error.what()));
    }
    ++counters.runs;
    return true;
  }

  OneDnnCounters counters;

 private:
  void execute(Plan& plan, const std::byte* first, const std::byte* second, const Tensor& filter, const Tail& tail, std::byte* output) {
    Tensor scratch(context_, {static_cast<std::int64_t>(std::max<std::size_t>(plan.scratch_bytes, 1))}, DType::u8);
    std::byte* const bytes = reinterpret_cast<std::byte*>(scratch.data<std::uint8_t>());
    plan.inputs[0].bind(first, bytes);
    plan.inputs[0].run_in(stream_);
    if (plan.keeps_filter) {
      plan.inputs[1].bind_copy(kept_.find(plan, stream_, filter));
    } else {
      plan.inputs[1].bind(second, bytes);
      plan.inputs[1].run_in(stream_);
    }
    plan.output.bind(output, bytes);
    plan.scratchpad.set_data_handle(bytes + plan.scratchpad_offset);
    if (tail.bias) plan.bias.set_data_handle(const_cast<float*>(tail.bias));
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(plan.primitive.get(), stream_.get(), static_cast<int>(plan.arguments.size()), plan.arguments.data()),
        "convolution");
    plan.output.run_out(stream_);
  }

  Plan& find(const Key& key) {
    const auto known = plans_.find(key);
    if (known != plans_.end()) return known->second;
    ++counters.plans;
    require_room_for_code();
    if (key.winograd) {
      try {
        Plan& plan = plans_.emplace(key, make_plan(key, engine_)).first->second;
        ++counters.winograd_plans;
        return plan;
      } catch (const dnnl::error& error) {
        if (error.status != dnnl_unimplemented) throw;  // else oneDNN has no Winograd for this shape
      }
    }
    Key direct = key;
    direct.winograd = 0;
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
