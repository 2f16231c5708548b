#include "nets/net.h"

namespace pliant {

int Net::exits() const {
  int exits = 0;
  for (const Stage& stage : stages) exits += stage.head != nullptr;
  return exits;
}

Selection only_exit(const Net& net, int exit) {
  PLIANT_REQUIRE(UsageError, exit >= 0 && exit < net.exits(), "exit ", exit, ": ", net.description.name, " has the exits 0 to ", net.exits() - 1);
  Selection select;
  for (int other = 0; other < net.exits(); ++other) {
    if (other != exit) select.skipped_exits.insert(other);
  }
  return select;
}

namespace {

// Runs visit_body(stage) and visit_head(stage) for what a selection needs, in order.
template <class Body, class Head>
void walk(const Net& net, const Selection& select, Body visit_body, Head visit_head) {
  const int exits = net.exits();
  int deepest = -1;
  for (int exit = 0; exit < exits; ++exit) {
    if (!select.skipped_exits.contains(exit)) deepest = exit;
  }
  PLIANT_REQUIRE(ConfigError, deepest >= 0, net.description.name, ": the selection skips all ", exits, " exits");
  int exit = 0;
  for (const Stage& stage : net.stages) {
    if (exit > deepest) return;
    visit_body(stage);
    if (!stage.head) continue;
    if (!select.skipped_exits.contains(exit)) visit_head(stage);
    ++exit;
  }
}

}  // namespace

std::vector<Var> forward(const Net& net, Pass& pass, const Var& x) {
  const NetDescription& d = net.description;
  const Shape& shape = x.value.shape();
  PLIANT_REQUIRE(ShapeError, shape.rank() == 4 && shape[1] == d.height && shape[2] == d.width && shape[3] == d.channels, d.name,
                 ": takes images of ", d.height, " x ", d.width, " with ", d.channels, " channels as [N, H, W, C], got ", shape);
  std::vector<Var> logits;
  Var y = convert(x, net.store->compute_dtype());
  Pass bodies = pass;
  if (pass.trunk == Trunk::frozen) {
    bodies.tape = nullptr;
    bodies.mode = Mode::eval;
  }
  walk(net, pass.select, [&](const Stage& stage) { y = stage.body->forward(bodies, y); },
       [&](const Stage& stage) {
         const bool cut = pass.trunk == Trunk::detached && &stage != &net.stages.back();
         logits.push_back(convert(stage.head->forward(pass, cut ? Var{y.value} : y), net.store->dtype()));
       });
  return logits;
}

NetCost cost(const Net& net, const Selection& select, Counting counting) {
  const NetDescription& d = net.description;
  NetCost total;
  Shape y{1, d.height, d.width, d.channels};
  walk(net, select, [&](const Stage& stage) { y = stage.body->cost(select, y, total.layers); },
       [&](const Stage& stage) { stage.head->cost(select, y, total.layers); });
  for (const LayerCost& row : total.layers) {
    total.parameters += row.parameters + (counting == Counting::keras ? row.statistics : 0);
    total.macs += row.macs;
  }
  return total;
}

std::vector<ExitDepth> depth_table(const Net& net, const Selection& select, Counting counting) {
  Selection exit_alone = select;
  exit_alone.dropped = {};
  std::vector<ExitDepth> table;
  int convolutions = 0;
  for (std::size_t i = 0; i < net.stages.size(); ++i) {
    const Stage& stage = net.stages[i];
    convolutions += stage.body->convolutions();
    if (!stage.head) continue;
    exit_alone.skipped_exits = only_exit(net, static_cast<int>(table.size())).skipped_exits;
    const NetCost alone = cost(net, exit_alone, counting);
    table.push_back({static_cast<int>(i), convolutions + stage.head->convolutions(), alone.parameters, alone.macs});
  }
  return table;
}

}  // namespace pliant
