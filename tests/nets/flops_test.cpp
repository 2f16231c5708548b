// The counter of the experiments on pruning against the figures of its authors, and the training budgets that follow.
#include "nets/flops.h"

#include <doctest/doctest.h>

#include "nets/plans.h"
#include "nets/zoo.h"

namespace pliant::test {

namespace {

std::int64_t flops_of(const char* name, const char* head = "", int stem = 0) {
  NetDescription d = default_description(name);
  d.head = head;
  d.stem = stem;
  return repo_flops(build_net(d));
}

std::int64_t published_flops(const char* name) { return repo_flops(build_net(published_architecture(name))); }

}  // namespace

TEST_CASE("flops: whole nets have the published counts") {
  CHECK(flops_of("vgg16", "l1") == 627880970);
  CHECK(flops_of("vgg19") == 797304842);
  CHECK(flops_of("resnet56") == 252572938);
  CHECK(flops_of("resnet110") == 508925194);
  CHECK(flops_of("preresnet164") == 504759306);
  CHECK(flops_of("densenet40") == 573052330);
  CHECK(flops_of("densenet40", "", 16) == 536423690);
}

TEST_CASE("flops: pruned nets have the published counts") {
  CHECK(published_flops("vgg16-a") == 413364234);
  CHECK(published_flops("resnet56-a") == 226390090);
  CHECK(published_flops("resnet56-b") == 183137866);
  CHECK(published_flops("resnet110-a") == 428291338);
  CHECK(published_flops("resnet110-b") == 312745738);
}

TEST_CASE("flops: biases count and selected channels are selected before the ReLU") {
  // One per output of each convolution.
  CHECK(flops_of("vgg16", "bias") - flops_of("vgg16") == 2 * 64 * 1024 + 2 * 128 * 256 + 3 * 256 * 64 + 3 * 512 * 16 + 3 * 512 * 4);
  NetDescription d = default_description("preresnet20");
  const std::int64_t whole = repo_flops(build_net(d));
  d.kept["layer1.0.bn1.select"] = {0, 2, 3, 7};
  // 12 of 16 channels are gone for the ReLU and for the convolution to 16 channels behind it.
  CHECK(whole - repo_flops(build_net(d)) == 12 * 1024 + 2 * 12 * 16 * 1024);
}

TEST_CASE("flops: Scratch-B trains the published numbers of epochs") {
  CHECK(scratch_b_epochs(160, flops_of("vgg16", "l1"), published_flops("vgg16-a")) == 243);
  CHECK(scratch_b_epochs(160, flops_of("resnet56"), published_flops("resnet56-a")) == 178);
  CHECK(scratch_b_epochs(160, flops_of("resnet56"), published_flops("resnet56-b")) == 220);
  CHECK(scratch_b_epochs(160, flops_of("resnet110"), published_flops("resnet110-a")) == 190);
  CHECK(scratch_b_epochs(160, flops_of("resnet110"), published_flops("resnet110-b")) == 260);
  NetDescription whole = default_description("preresnet50");
  whole.classes = 1000;
  const std::int64_t big = repo_flops(build_net(whole));
  CHECK(scratch_b_epochs(100, big, published_flops("resnet-sss-41")) == 117);
  CHECK(scratch_b_epochs(100, big, published_flops("resnet-sss-32")) == 145);
  CHECK(scratch_b_epochs(100, big, published_flops("resnet-sss-26")) == 179);
  CHECK(scratch_b_epochs(7, 5, 5) == 7);
  CHECK_THROWS_AS(scratch_b_epochs(0, 5, 5), UsageError);
  CHECK_THROWS_AS(scratch_b_epochs(5, 5, 0), UsageError);
}

}  // namespace pliant::test
