// A net that a program adds to the zoo: trained, saved, rebuilt from its file and cut, like those that were there before.
#include <doctest/doctest.h>

#include "nets/builder.h"
#include "nets/extract.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

namespace pliant::test {

namespace {

Net build_added(const NetDescription& d) {
  NetBuilder build(d);
  ChannelAxis& axis = build.axis("only", 8);
  auto body = std::make_unique<Sequential>("body");
  body->add(build.conv("conv", Dim(d.channels), axis, {.kernel = 3, .stride = 2, .padding = 1}));
  body->add(build.batch_norm("bn", axis, Activation::relu));
  return build.finish(std::move(body), build.classifier("fc", axis, (d.height + 1) / 2, (d.width + 1) / 2));
}

Splits stripes() {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 120, .test = 40, .height = 8, .width = 8, .channels = 3, .classes = 4};
  return load_data(options);
}

NetDescription added(const Dataset& data) {
  if (!is_net_name("added")) {
    NetDescription d;
    d.name = "added";
    d.height = data.height, d.width = data.width, d.channels = data.channels, d.classes = data.classes;
    add_net(d, build_added);
  }
  return default_description("added");
}

class Widest : public SelectionPolicy {
 public:
  std::string name() const override { return "widest"; }
  std::vector<PlannedPass> passes(std::int64_t, std::int64_t) const override { return {PlannedPass{}}; }
};

}  // namespace

TEST_CASE("added net: is trained by a policy of its program and rebuilt from its file and cut") {
  const TemporaryFolder folder;
  const Splits data = stripes();
  NetDescription d = added(data.train);
  CHECK(d.channels == data.train.channels);
  CHECK(net_names().back() == "added");
  add_widths(d, {0.5, 1.0}, WidthRounding::truncate, WidthStatistics::switchable);
  Net net = build_net(d);
  net.store->allocate(cpu(), DType::f32);
  initialise(net, 1);
  const Tensor unseen = net.store->find("bn.set1.running_mean")->value.clone();
  const TrainConfig config{.epochs = 1, .batch = 32};
  const RunFolder out((folder / "run").string(), false);
  Trainer trainer(net, data, config, out, StepGraphMode::automatic, std::make_unique<Widest>());
  const TrainResult result = trainer.run({}, [] { return false; });
  CHECK(result.test_rows.size() == 2);
  CHECK(bit_equal(net.store->find("bn.set1.running_mean")->value, unseen));  // the policy never ran that width
  CHECK_FALSE(bit_equal(net.store->find("bn.running_mean")->value, Tensor::zeros(cpu(), {8})));

  LoadedNet loaded = load_checkpoint(cpu(), result.checkpoint);
  CHECK(loaded.net.description == d);
  CHECK(bit_equal(loaded.net.store->values(), net.store->values()));
  CHECK(extract(loaded.net, {.width = 1}).store->find_axis("only")->size() == 4);

  Trainer usual(loaded.net, data, config, out);
  CHECK_THROWS_WITH_AS(usual.restore(loaded.info.trainer_state, loaded.arenas), "training state: of the policy \"widest\", this run has \"dynamic\"",
                       FileError);
}

TEST_CASE("added net: a name is refused that is taken or empty") {
  NetDescription d;
  CHECK_THROWS_WITH_AS(add_net(d, build_added), "resnet20: there is a net of this name already; take another", ConfigError);
  d.name.clear();
  CHECK_THROWS_AS(add_net(d, build_added), ConfigError);
}

}  // namespace pliant::test
