#include "train/gradient_log.h"

#include "kernels/reduce.h"

namespace pliant {

GradientLog::GradientLog(ParameterStore& store, double loss_scale) : store_(store), loss_scale_(loss_scale) {
  constexpr std::int64_t kChunk = ParameterStore::kAlignment;
  std::vector<std::int32_t> starts;
  for (const Parameter& parameter : store.parameters()) {
    if (!parameter.trainable()) continue;
    if (parameter.role == Role::filter || parameter.role == Role::weight) {
      layers_.push_back(parameter.name.substr(0, parameter.name.rfind('.')));
      segments_.push_back(starts.size());
      sizes_.push_back(static_cast<double>(parameter.shape().size()));
    }
    starts.push_back(static_cast<std::int32_t>(parameter.offset / kChunk));
  }
  starts.push_back(static_cast<std::int32_t>(store.gradients().size() / kChunk));
  starts_ = Tensor::from_host(store.context(), {static_cast<std::int64_t>(starts.size())}, starts);
  sums_ = Tensor::zeros(store.context(), {static_cast<std::int64_t>(starts.size()) - 1}, store.dtype());
}

void GradientLog::add() { kernels::segment_abs_sums(store_.gradients(), starts_, sums_); }

std::vector<double> GradientLog::sums() const { return sums_.to_doubles(); }

std::vector<double> GradientLog::means(std::int64_t steps) const {
  const std::vector<double> all = sums();
  std::vector<double> means;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    means.push_back(steps == 0 ? 0.0 : all[segments_[i]] / (sizes_[i] * static_cast<double>(steps) * loss_scale_));
  }
  return means;
}

void GradientLog::set_sums(const std::vector<double>& sums) {
  PLIANT_REQUIRE(FileError, static_cast<std::int64_t>(sums.size()) == sums_.size(), "training state: ", sums.size(), " sums of gradients for ",
                 sums_.size(), " parameters");
  if (sums_.dtype() == DType::f64) {
    sums_.write(sums.data());
  } else {
    sums_.write(std::vector<float>(sums.begin(), sums.end()).data());
  }
}

}  // namespace pliant
