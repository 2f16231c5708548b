#include "layers/batch_norm.h"

namespace pliant {

BatchNorm::BatchNorm(ParameterStore& store, std::string layer_name, ChannelAxis& axis, const BatchNormOptions& options)
    : Layer(std::move(layer_name)), options_(options), axis_(axis) {
  PLIANT_REQUIRE(ConfigError, options.sets >= 1, name(), ": needs at least one set, got ", options.sets);
  PLIANT_REQUIRE(ConfigError, options.sets == 1 || options.sets <= axis.widths(), name(), ": ", options.sets, " sets for ",
                 axis.widths(), " widths of axis ", axis.name());
  for (int k = 0; k < options.sets; ++k) {
    const std::string prefix = k == 0 ? name() : cat(name(), ".set", k);
    const Dim channels(axis, k);
    const bool own = k == 0 || !options.shared_scale_shift;
    sets_.push_back({own ? &store.add(prefix + ".weight", Role::scale, {channels}) : sets_[0].scale,
                     own ? &store.add(prefix + ".bias", Role::shift, {channels}) : sets_[0].shift,
                     &store.add(prefix + ".running_mean", Role::running_mean, {channels}),
                     &store.add(prefix + ".running_var", Role::running_variance, {channels})});
  }
}

const BatchNorm::Set& BatchNorm::set(const Selection& select) const {
  int k = select.statistics;
  if (k == Selection::kOfWidth) k = sets_.size() == 1 ? 0 : select.width;
  PLIANT_REQUIRE(ConfigError, k >= 0 && k < static_cast<int>(sets_.size()), name(), ": statistics ", k, " of ", sets_.size(), " sets");
  return sets_[static_cast<std::size_t>(k)];
}

Var BatchNorm::normalise(Pass& pass, const Filter* filter, const Var& x, const Var& residual, Activation f) const {
  const Set& chosen = set(pass.select);
  const Var scale = use(pass, *chosen.scale), shift = use(pass, *chosen.shift);
  ActiveBuffer mean(pass, *chosen.mean), variance(pass, *chosen.variance);
  const BatchNormState state{mean.value(), variance.value(), pass.statistics_momentum.value_or(options_.momentum), options_.epsilon};
  const bool train = pass.mode == Mode::train;
  const Var y = !train   ? batch_norm_infer(x, scale, shift, state, f, residual)
                : filter ? conv2d_batch_norm_train(x, filter->w, filter->geometry, scale, shift, state, f, residual)
                         : batch_norm_train(x, scale, shift, state, f, residual);
  if (train) {
    mean.write_back();
    variance.write_back();
  }
  return apply_mask(pass, axis_, y);
}

bool BatchNorm::fuses_onto(Activation f) const {
  return options_.activation == Activation::identity && (f == Activation::identity || f == Activation::relu);
}

Var BatchNorm::forward(Pass& pass, const Var& x) const { return normalise(pass, nullptr, x, {}, options_.activation); }

Var BatchNorm::forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const {
  return fuses_onto(f) ? normalise(pass, nullptr, x, residual, f) : Layer::forward_onto(pass, x, residual, f);
}

Var BatchNorm::forward_behind(const Filter& filter, Pass& pass, const Var& x) const {
  return normalise(pass, &filter, x, {}, options_.activation);
}

Var BatchNorm::forward_behind(const Filter& filter, Pass& pass, const Var& x, const Var& residual, Activation f) const {
  return normalise(pass, &filter, x, residual, f);
}

Shape BatchNorm::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  PLIANT_REQUIRE(ShapeError, x[-1] == axis_.active(select.width), name(), ": normalises ", axis_.active(select.width), " channels, got ", x);
  const Set& chosen = set(select);
  const std::int64_t statistics = active_count(*chosen.mean, select.width) + active_count(*chosen.variance, select.width);
  rows.push_back({name(), options_.activation == Activation::relu ? "batch norm + relu" : "batch norm", x,
                  active_count(*chosen.scale, select.width) + active_count(*chosen.shift, select.width), 0, statistics});
  return x;
}

}  // namespace pliant
