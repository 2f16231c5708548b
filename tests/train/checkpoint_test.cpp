#include "train/checkpoint.h"

#include <doctest/doctest.h>

#include <cstring>

#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/train/file_helpers.h"
#include "train/files/layout.h"

using namespace pliant;
using namespace pliant::test;

namespace {

NetDescription small_net(const std::string& name = "lenet5") {
  NetDescription d = default_description(name);
  d.height = d.width = 16;
  return d;
}

Net make_net(const NetDescription& description, DType dtype = DType::f32, std::uint64_t seed = 3) {
  Net net = build_net(description);
  net.store->allocate(cpu(), dtype);
  initialise(net, seed);
  for (Parameter& parameter : net.store->parameters()) {
    if (!parameter.trainable()) parameter.value.copy_from(random_tensor(cpu(), parameter.shape(), dtype, 7, 0.5, 2.0));
  }
  return net;
}

bool same_tensors(const Net& a, const Net& b) {
  return bit_equal(a.store->values(), b.store->values()) && bit_equal(a.store->buffers(), b.store->buffers());
}

// Every tensor of a file as it lies there, for changing and writing again.
struct Copy {
  struct Item {
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Item> tensors;
  std::map<std::string, std::string> metadata;

  explicit Copy(const std::string& path) {
    const SafetensorsReader reader(path);
    for (const TensorEntry& entry : reader.entries()) {
      tensors[entry.name] = {entry.dtype, entry.shape, {entry.bytes.begin(), entry.bytes.end()}};
    }
    metadata = reader.metadata();
  }
  void write(const std::string& path) const {
    SafetensorsWriter writer;
    for (const auto& [name, item] : tensors) writer.add(name, item.dtype, item.shape, item.bytes);
    for (const auto& [key, value] : metadata) writer.set_metadata(key, value);
    writer.write(path);
  }
};

std::string load_error(const std::string& path) {
  return message_of<FileError>([&] { load_checkpoint(cpu(), path); });
}

bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("layout: a filter lies in a file as output channels then input channels then rows then columns") {
  const std::vector<float> in_memory{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};  // [1, 2, 3, 2]: r, s, c
  const Shape shape{1, 2, 3, 2};
  const std::vector<float> in_file = channels_first<float>(shape, in_memory);
  CHECK(in_file == std::vector<float>{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11});
  CHECK(channels_last<float>(shape, in_file) == in_memory);
  CHECK(channels_first<float>({12}, in_memory) == in_memory);
  CHECK_THROWS_AS(channels_first<float>({11}, in_memory), ShapeError);
}

TEST_CASE("checkpoint: saving and loading is the identity") {
  TemporaryFolder folder;
  for (const char* name : {"lenet5", "mlp", "resnet20", "vgg16"}) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      if (std::string(name) == "vgg16" && dtype == DType::f64) continue;
      CAPTURE(name);
      NetDescription d = small_net(name);
      d.classes = 3;
      const Net net = make_net(d, dtype);
      const std::string path = file_in(folder, "net.safetensors");
      const std::vector<float> mean(static_cast<std::size_t>(d.channels), 0.4914f), std(mean.size(), 0.2023f);
      save_checkpoint(path, net, {{"cat", "d\"og", "caf\u00e9"}, {mean, std}, "{\"step\":1}"});
      const LoadedNet loaded = load_checkpoint(cpu(), path, dtype);
      CHECK(loaded.net.description == d);
      CHECK(same_tensors(loaded.net, net));
      CHECK(loaded.info.class_names == std::vector<std::string>{"cat", "d\"og", "caf\u00e9"});
      CHECK(loaded.info.normalisation.mean == mean);
      CHECK(loaded.info.normalisation.std == std);
      CHECK(loaded.info.trainer_state == "{\"step\":1}");
      CHECK(loaded.arenas.empty());
    }
  }
}

TEST_CASE("checkpoint: names and shapes are those of PyTorch") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "net.safetensors");
  NetDescription d = default_description("resnet20");
  d.shortcut = 'B';
  save_checkpoint(path, make_net(d), {});
  const SafetensorsReader reader(path);
  using Sizes = std::vector<std::int64_t>;
  CHECK(reader.at("conv1.weight").shape == Sizes{16, 3, 3, 3});
  CHECK(reader.at("bn1.running_var").shape == Sizes{16});
  CHECK(reader.at("layer2.0.downsample.0.weight").shape == Sizes{32, 16, 1, 1});
  CHECK(reader.at("layer3.2.bn2.bias").shape == Sizes{64});
  CHECK(reader.at("fc.weight").shape == Sizes{10, 64});
  save_checkpoint(path, make_net(default_description("lenet5")), {});
  CHECK(SafetensorsReader(path).at("fc1.weight").shape == Sizes{120, 400});
}

TEST_CASE("checkpoint: precision is kept and converted") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "net.safetensors");
  const Net net = make_net(small_net(), DType::f64);
  save_checkpoint(path, net, {});
  CHECK(SafetensorsReader(path).at("fc1.weight").dtype == "F64");
  const LoadedNet loaded = load_checkpoint(cpu(), path, DType::f32);
  const std::vector<double> wide = net.store->values().to_doubles(), narrow = loaded.net.store->values().to_doubles();
  for (std::size_t i = 0; i < wide.size(); ++i) REQUIRE(narrow[i] == static_cast<double>(static_cast<float>(wide[i])));
}

TEST_CASE("checkpoint: masks and optimizer state come back") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "net.safetensors");
  Net net = make_net(small_net());
  Parameter& weight = *net.store->find("fc1.weight");
  std::vector<double> keep(static_cast<std::size_t>(weight.shape().size()), 1.0);
  for (std::size_t i = 0; i < keep.size(); i += 3) keep[i] = 0.0;
  weight.mask = make_tensor(cpu(), weight.shape(), DType::f32, keep);
  net.store->find_axis("conv1")->mask = make_tensor(cpu(), {6}, DType::f32, {1, 0, 1, 1, 0, 1});
  Tensor velocity = Tensor::zeros_like(net.store->values());
  for (const Parameter& parameter : net.store->parameters()) {
    if (parameter.trainable()) velocity.view(parameter.offset, parameter.shape()).copy_from(random_tensor(cpu(), parameter.shape(), DType::f32, 9));
  }
  save_checkpoint(path, net, {}, {{"velocity", velocity}});
  CHECK(SafetensorsReader(path).at("optimizer.velocity.conv1.weight").shape == std::vector<std::int64_t>{6, 1, 5, 5});
  const LoadedNet loaded = load_checkpoint(cpu(), path);
  CHECK(bit_equal(loaded.net.store->find("fc1.weight")->mask, weight.mask));
  CHECK(bit_equal(loaded.net.store->find_axis("conv1")->mask, net.store->find_axis("conv1")->mask));
  CHECK(!loaded.net.store->find("fc2.weight")->mask);
  REQUIRE(loaded.arena("velocity"));
  CHECK(bit_equal(*loaded.arena("velocity"), velocity));
  CHECK(!loaded.arena("moment"));

  Copy copy(path);
  copy.tensors.erase("optimizer.velocity.fc2.bias");
  copy.write(path);
  CHECK(mentions(load_error(path), "optimizer.velocity"));
}

TEST_CASE("checkpoint: a foreign or changed file is refused with what was expected") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "net.safetensors"), bad = file_in(folder, "bad.safetensors");
  save_checkpoint(path, make_net(small_net()), {});
  const Copy original(path);
  const auto refused = [&](auto change) {
    Copy copy = original;
    change(copy);
    copy.write(bad);
    const std::string message = load_error(bad);
    CHECK(mentions(message, bad));
    return message;
  };
  CHECK(mentions(refused([](Copy& c) { c.metadata.clear(); }), "pliant import"));
  CHECK(mentions(refused([](Copy& c) { c.metadata["pliant.format"] = "2"; }), "reads format 1"));
  CHECK(mentions(refused([](Copy& c) { c.metadata["net"] = "{\"name\":"; }), "JSON"));
  CHECK(mentions(refused([](Copy& c) { c.metadata["net"] = "{\"name\":\"alexnet\"}"; }), "alexnet"));
  CHECK(mentions(refused([](Copy& c) { c.metadata.erase("net"); }), "'net'"));
  CHECK(mentions(refused([](Copy& c) { c.metadata["normalisation"] = "[1]"; }), "normalisation"));
  CHECK(mentions(refused([](Copy& c) { c.metadata["normalisation"] = "{\"mean\":[0],\"std\":[0]}"; }), "deviation"));
  CHECK(mentions(refused([](Copy& c) { c.metadata["class_names"] = "[\"a\"]"; }), "class_names"));
  CHECK(mentions(refused([](Copy& c) { c.tensors.erase("fc2.bias"); }), "fc2.bias"));
  CHECK(mentions(refused([](Copy& c) { c.tensors["extra.weight"] = c.tensors["fc2.bias"]; }), "extra.weight"));
  CHECK(mentions(refused([](Copy& c) { c.tensors["fc2.bias"] = c.tensors["fc1.bias"]; }), "[84]"));
  CHECK(mentions(refused([](Copy& c) { c.tensors["fc2.bias"].dtype = "I32"; }), "F16"));
  CHECK(mentions(refused([](Copy& c) { c.tensors["fc2.weight.mask"] = c.tensors["fc2.weight"]; }), "0 and 1"));
}

TEST_CASE("checkpoint: a description that claims a huge net costs no memory") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "net.safetensors");
  save_checkpoint(path, make_net(small_net("mlp")), {});
  Copy copy(path);
  copy.metadata["net"] = R"({"name":"mlp","input":{"height":16384,"width":16384,"channels":4096}})";
  copy.metadata["normalisation"] = R"({"mean":[],"std":[]})";
  copy.write(path);
  CHECK(mentions(load_error(path), "fc1.weight"));
}

TEST_CASE("checkpoint: counters of batches are accepted and ignored") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "net.safetensors");
  const Net net = make_net(small_net("resnet20"));
  save_checkpoint(path, net, {});
  Copy copy(path);
  copy.tensors["bn1.num_batches_tracked"] = {"I64", {}, std::vector<std::byte>(8)};
  copy.write(path);
  CHECK(same_tensors(load_checkpoint(cpu(), path).net, net));
}

TEST_CASE("weights: exact import takes a plain file and refuses everything else") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "net.safetensors");
  const Net source = make_net(small_net("resnet20"), DType::f32, 5);
  save_checkpoint(path, source, {});
  Copy copy(path);
  copy.metadata.clear();
  copy.tensors["bn1.num_batches_tracked"] = {"I64", {}, std::vector<std::byte>(8)};
  copy.write(path);
  Net net = make_net(small_net("resnet20"));
  const WeightReport report = load_weights(net, path, WeightPolicy::exact);
  CHECK(same_tensors(net, source));
  CHECK(report.fresh.empty());

  const Net before = make_net(small_net("resnet20"));
  Net other = make_net(small_net("resnet20"));
  copy.tensors.erase("layer3.2.bn2.running_var");  // one of the last to be read; nothing may be written by then
  copy.write(path);
  CHECK(mentions(message_of<FileError>([&] { load_weights(other, path, WeightPolicy::exact); }), "layer3.2.bn2.running_var"));
  CHECK(same_tensors(other, before));
}

TEST_CASE("weights: matching replaces a classifier of another class count and says so") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "net.safetensors");
  const Net source = make_net(small_net("resnet20"), DType::f32, 5);
  save_checkpoint(path, source, {});
  NetDescription d = small_net("resnet20");
  d.classes = 4;
  Net net = make_net(d);
  const WeightReport report = load_weights(net, path, WeightPolicy::matching);
  CHECK(report.fresh == std::vector<std::string>{"fc.weight", "fc.bias"});
  CHECK(report.unused.size() == 2);
  CHECK(bit_equal(net.store->find("conv1.weight")->value, source.store->find("conv1.weight")->value));
  Net foreign = make_net(small_net("mlp"));
  CHECK(mentions(message_of<FileError>([&] { load_weights(foreign, path, WeightPolicy::matching); }), "none of its"));
}
