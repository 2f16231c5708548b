#include "nets/fold.h"

#include <cmath>

#include "nets/zoo.h"

namespace pliant {

namespace {

std::vector<double> values_of(const Net& net, const std::string& name) {
  const Parameter* found = net.store->find(name);
  return found ? found->value.to_doubles() : std::vector<double>();
}

void write(Net& net, const std::string& name, const std::vector<double>& values) {
  Parameter* target = net.store->find(name);
  PLIANT_INVARIANT(target, "the folded net has no ", name);
  if (target->value.dtype() == DType::f64) return target->value.write(values.data());
  const std::vector<float> rounded(values.begin(), values.end());
  target->value.write(rounded.data());
}

void fold(const Net& net, const ConvNorm& pair, Net& folded) {
  std::vector<double> w = values_of(net, pair.convolution + ".weight"), bias = values_of(net, pair.convolution + ".bias");
  const std::vector<double> scale = values_of(net, pair.norm + ".weight"), shift = values_of(net, pair.norm + ".bias"),
                            mean = values_of(net, pair.norm + ".running_mean"), variance = values_of(net, pair.norm + ".running_var");
  bias.resize(scale.size(), 0.0);
  const std::size_t filter = w.size() / scale.size();
  for (std::size_t k = 0; k < scale.size(); ++k) {
    const double factor = scale[k] / std::sqrt(variance[k] + pair.epsilon);
    for (std::size_t i = 0; i < filter; ++i) w[k * filter + i] *= factor;
    bias[k] = shift[k] + (bias[k] - mean[k]) * factor;
  }
  write(folded, pair.convolution + ".weight", w);
  write(folded, pair.convolution + ".bias", bias);
}

}  // namespace

Net fold_batch_norms(const Net& net) {
  NetDescription d = net.description;
  PLIANT_REQUIRE(ConfigError, !d.folded, d.name, ": its batch norm is folded already");
  d.folded = true;
  Net folded = build_net(d);
  folded.store->allocate(net.store->context(), net.store->dtype(), net.store->compute_dtype());
  for (Parameter& target : folded.store->parameters()) {
    const Parameter* source = net.store->find(target.name);
    if (!source) continue;  // a bias that folding adds
    target.value.copy_from(source->value);
    target.mask = source->mask;
  }
  for (const auto& target : folded.store->axes()) target->mask = net.store->find_axis(target->name())->mask;
  for (const ConvNorm& pair : net.conv_norms) fold(net, pair, folded);
  return folded;
}

}  // namespace pliant
