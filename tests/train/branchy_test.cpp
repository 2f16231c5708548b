// A BranchyNet begins as its trunk: trained alone first, then joined by branches (Teerapittayanon et al., 2016, section IV).
#include <doctest/doctest.h>

#include "nets/exits.h"
#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_net.h"
#include "train/checkpoint.h"

namespace pliant::test {

TEST_CASE("branchy: a net initialised from its trunk answers at the last exit as the trunk does") {
  const TemporaryFolder folder;
  for (const char* name : {"b-lenet", "b-alexnet"}) {
    CAPTURE(name);
    NetDescription branchy = default_description(name), trunk = branchy;
    trunk.exits = exit_stages(trunk, "none");
    REQUIRE(branchy.exits.size() > trunk.exits.size());
    const Net baseline = make_net(cpu(), trunk, DType::f32, 4);
    const std::string file = folder / "trunk.safetensors";
    save_checkpoint(file, baseline, {});
    Net net = make_net(cpu(), branchy, DType::f32, 5);
    CHECK_FALSE(bit_equal(eval_pass(net).back(), eval_pass(baseline).back()));
    const WeightReport report = load_weights(net, file, WeightPolicy::matching);
    CHECK(report.unused.empty());
    for (const std::string& fresh : report.fresh) CHECK(fresh.starts_with("exit"));
    CHECK(bit_equal(eval_pass(net).back(), eval_pass(baseline).back()));
  }
}

}  // namespace pliant::test
