#include "train/cost.h"

#include <algorithm>
#include <map>

#include "nets/compact.h"
#include "nets/zoo.h"
#include "train/timing.h"

namespace pliant {

namespace {

bool is_weight(const Parameter& parameter) { return parameter.role == Role::filter || parameter.role == Role::weight; }

// Scalars that do not count: masked ones, and of weights those that are zero.
std::int64_t zeros_of(const Parameter& parameter) {
  const std::vector<double> mask = parameter.mask ? parameter.mask.to_doubles() : std::vector<double>();
  if (!is_weight(parameter)) return std::count(mask.begin(), mask.end(), 0.0);
  const std::vector<double> values = parameter.value.to_doubles();
  std::int64_t zeros = 0;
  for (std::size_t i = 0; i < values.size(); ++i) zeros += values[i] == 0.0 || (!mask.empty() && mask[i] == 0.0);
  return zeros;
}

void add_bytes(const Parameter& parameter, CostRow& row) {
  const auto values = static_cast<std::int64_t>(parameter.value.bytes());
  row.file_bytes += values + (parameter.mask ? parameter.mask.size() : 0);
  row.memory_bytes += values + (parameter.mask ? static_cast<std::int64_t>(parameter.mask.bytes()) : 0);
}

// The row of the layer whose name, and a dot, the parameter's name begins with; the longest such name. Null: none.
CostRow* owner_of(const Parameter& parameter, std::vector<CostRow>& rows, const std::map<std::string, std::size_t>& places) {
  for (std::size_t dot = parameter.name.rfind('.'); dot != std::string::npos && dot > 0; dot = parameter.name.rfind('.', dot - 1)) {
    const auto found = places.find(parameter.name.substr(0, dot));
    if (found != places.end()) return &rows[found->second];
  }
  return nullptr;
}

CostRow counted_row(const Net& net, const LayerCost& layer) {
  CostRow row{.name = layer.name, .type = layer.type, .parameters = layer.parameters, .macs = layer.macs};
  row.effective_parameters = row.parameters;
  row.effective_macs = row.macs;
  row.activation_bytes = layer.output.size() * static_cast<std::int64_t>(bytes_of(net.store->compute_dtype()));
  if (layer.parameters == 0) return row;
  for (const char* part : {".weight", ".bias"}) {
    const Parameter* parameter = net.store->find(layer.name + part);
    if (!parameter) continue;
    const std::int64_t zeros = zeros_of(*parameter);
    row.effective_parameters -= zeros;
    if (is_weight(*parameter)) row.effective_macs -= layer.macs / parameter->value.size() * zeros;  // every weight works equally often
  }
  return row;
}

CostTable counted(const Net& net) {
  CostTable table;
  std::map<std::string, std::size_t> places;
  for (const LayerCost& layer : cost(net).layers) {
    if (layer.parameters > 0 || !places.contains(layer.name)) places[layer.name] = table.rows.size();
    table.rows.push_back(counted_row(net, layer));
  }
  CostRow& total = table.total;
  total.name = "total";
  for (const Parameter& parameter : net.store->parameters()) {
    if (CostRow* row = owner_of(parameter, table.rows, places)) add_bytes(parameter, *row);
    add_bytes(parameter, total);
  }
  for (const auto& axis : net.store->axes()) {
    if (!axis->mask) continue;
    total.file_bytes += axis->mask.size();
    total.memory_bytes += static_cast<std::int64_t>(axis->mask.bytes());
  }
  table.gradient_bytes = static_cast<std::int64_t>(net.store->gradients().bytes());
  return table;
}

void sum_up(CostTable& table) {
  CostRow& total = table.total;
  for (const CostRow& row : table.rows) {
    total.parameters += row.parameters;
    total.effective_parameters += row.effective_parameters;
    total.macs += row.macs;
    total.effective_macs += row.effective_macs;
    total.activation_bytes = std::max(total.activation_bytes, row.activation_bytes);
  }
}

// Of a layer that masks leave smaller, what is effective is what is effective in the smaller one.
void take_effective(const CostTable& removed, CostTable& given) {
  std::map<std::string, const CostRow*> left;
  for (const CostRow& row : removed.rows) {
    if (row.parameters > 0) left[row.name] = &row;
  }
  for (CostRow& row : given.rows) {
    if (row.parameters == 0) continue;
    const auto found = left.find(row.name);
    row.effective_parameters = found == left.end() ? 0 : found->second->effective_parameters;
    row.effective_macs = found == left.end() ? 0 : found->second->effective_macs;
  }
}

CostReport counted_report(const Net& net, const Net* smaller) {
  CostReport report{.given = counted(net)};
  if (smaller) {
    report.removed = counted(*smaller);
    take_effective(*report.removed, report.given);
    sum_up(*report.removed);
  }
  sum_up(report.given);
  const Net& left = smaller ? *smaller : net;
  for (const Parameter& parameter : left.store->parameters()) {
    if (!is_weight(parameter)) continue;
    report.weights += parameter.value.size();
    report.zero_weights += zeros_of(parameter);
  }
  return report;
}

std::optional<Net> smaller_net(const Net& net) {
  if (compacted_description(net) == net.description) return std::nullopt;
  return compact(net);
}

Net without_masks(const Net& net) {
  Net copy = copy_of(net);
  for (Parameter& parameter : copy.store->parameters()) parameter.mask = {};
  for (const auto& axis : copy.store->axes()) axis->mask = {};
  return copy;
}

std::int64_t working_bytes(const Net& net, const Tensor& images) {
  Context& context = net.store->context();
  const std::size_t before = context.pool().counters().live_bytes;
  std::size_t most = before;
  const PassObserver observer = [&](const std::string&, const Tensor&, const Tensor&) { most = std::max(most, context.pool().counters().live_bytes); };
  Pass pass{.context = context, .observer = &observer};
  forward(net, pass, Var{images});
  return static_cast<std::int64_t>(most - before);
}

// Times from layer to layer of one pass, by the layer's name.
class LayerClock {
 public:
  LayerClock(const Net& net, Tensor images) : net_(net), images_(std::move(images)) {
    for (const LayerCost& row : cost(net).layers) {
      if (row.macs > 0) times_[row.name];
    }
  }

  void run() {
    Context& context = net_.store->context();
    Clock::time_point last = Clock::now();
    const PassObserver observer = [&](const std::string& layer, const Tensor&, const Tensor&) {
      const auto lap = times_.find(layer);  // residual blocks show their shortcuts too, in the middle of a lap
      if (lap == times_.end()) return;
      context.synchronize();
      lap->second.push_back(milliseconds_since(last));
      last = Clock::now();
    };
    Pass pass{.context = context, .observer = &observer};
    forward(net_, pass, Var{images_});
  }

  void put_medians(std::vector<CostRow>& rows) const {
    for (CostRow& row : rows) {
      const auto found = times_.find(row.name);
      if (row.macs == 0 || found->second.empty()) continue;
      row.median_ms = quantile(found->second, 0.5);
    }
  }

 private:
  const Net& net_;
  Tensor images_;
  std::map<std::string, std::vector<double>> times_;
};

void time_layers(const std::vector<const Net*>& nets, const std::vector<CostTable*>& tables, std::int64_t batch, const TimingOptions& options) {
  std::vector<LayerClock> clocks;
  std::vector<std::function<void()>> runs;
  for (const Net* net : nets) clocks.emplace_back(*net, random_images(*net, batch));
  for (LayerClock& clock : clocks) runs.emplace_back([&clock] { clock.run(); });
  time_in_turns(nets[0]->store->context(), runs, options);
  for (std::size_t i = 0; i < tables.size(); ++i) clocks[i].put_medians(tables[i]->rows);
}

}  // namespace

CostReport count_cost(const Net& net) {
  const std::optional<Net> smaller = smaller_net(net);
  return counted_report(net, smaller ? &*smaller : nullptr);
}

CostReport measure_cost(const Net& net, const std::vector<std::int64_t>& batches, const TimingOptions& options) {
  PLIANT_REQUIRE(UsageError, !batches.empty(), "cost: no batch size was given");
  for (const std::int64_t batch : batches) PLIANT_REQUIRE(UsageError, batch >= 1, "a batch has at least one image, got ", batch);
  const std::optional<Net> smaller = smaller_net(net);
  CostReport report = counted_report(net, smaller ? &*smaller : nullptr);
  std::optional<Net> dense;
  std::vector<const Net*> nets{&net};
  std::vector<CostTable*> tables{&report.given};
  std::vector<std::vector<BatchCost>*> lists{&report.given.batches};
  if (smaller) {
    dense = without_masks(net);
    nets.insert(nets.end(), {&*smaller, &*dense});
    tables.push_back(&*report.removed);
    lists.insert(lists.end(), {&report.removed->batches, &report.unmasked});
  }
  Context& context = net.store->context();
  std::vector<std::function<void()>> runs;
  for (const std::int64_t batch : batches) {
    const Tensor images = random_images(net, batch);
    for (std::size_t i = 0; i < nets.size(); ++i) {
      runs.emplace_back([net = nets[i], images] {
        Pass pass{.context = net->store->context()};
        forward(*net, pass, Var{images});
      });
      const CostTable& table = i < tables.size() ? *tables[i] : report.given;
      lists[i]->push_back({.batch = batch, .largest_activation_bytes = table.total.activation_bytes * batch,
                           .working_bytes = working_bytes(*nets[i], images)});
    }
  }
  const std::vector<Timing> times = time_in_turns(context, runs, options);
  for (std::size_t b = 0; b < batches.size(); ++b) {
    for (std::size_t i = 0; i < nets.size(); ++i) (*lists[i])[b].time = times[b * nets.size() + i];
  }
  nets.resize(tables.size());
  time_layers(nets, tables, batches[0], options);
  return report;
}

}  // namespace pliant
