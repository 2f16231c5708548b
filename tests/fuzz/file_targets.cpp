// safetensors files, and checkpoints: the bytes of a whole file, or its texts in front of good tensors.
#include "core/check.h"
#include "core/context.h"
#include "nets/zoo.h"
#include "tests/fuzz/target.h"
#include "train/checkpoint.h"
#include "train/cli/checkpoint_data.h"
#include "train/data/bytes.h"
#include "train/files/safetensors.h"

namespace pliant::fuzz {

namespace {

NetDescription smallest_net() {
  NetDescription d = default_description("mlp");
  d.height = d.width = 2;
  d.channels = 1;
  d.classes = 2;
  d.axis_sizes = {{"fc1", 2}, {"fc2", 3}};
  return d;
}

Context& context() {
  static Context cpu(Device::cpu, ContextOptions{.threads = 1});
  return cpu;
}

std::string checkpoint_path() { return (scratch() / "checkpoint.safetensors").string(); }

Bytes good_checkpoint() {
  Net net = build_net(smallest_net());
  net.store->allocate(context(), DType::f32);
  initialise(net, 1);
  net.store->axes()[0]->mask = Tensor::from_host(context(), {net.store->axes()[0]->size()}, std::vector<float>{1.0F, 0.0F});
  const std::string path = (scratch() / "good.safetensors").string();
  const CheckpointInfo info{{"a", "b"}, {{0.5F}, {0.25F}}, R"({"config":)" + to_json(recipe("lenet5")) + "}", "f32"};
  save_checkpoint(path, net, info, {{"velocity", Tensor::zeros_like(net.store->values())}});
  return read_raw_file(path);
}

// A checkpoint of the smallest net in which one text of the metadata is another.
void write_with(const std::string& key, const std::string& text) {
  static const Bytes good = good_checkpoint();
  static const SafetensorsReader reader((scratch() / "good.safetensors").string());
  SafetensorsWriter writer;
  for (const TensorEntry& entry : reader.entries()) writer.add(entry.name, entry.dtype, entry.shape, entry.bytes);
  for (const auto& [name, value] : reader.metadata()) writer.set_metadata(name, value);
  writer.set_metadata(key, text);
  writer.write(checkpoint_path());
}

constexpr const char* kTexts[] = {"net", "trainer", "normalisation", "class_names", "precision"};
constexpr std::size_t kWholeFile = std::size(kTexts), kWeights = kWholeFile + 1, kChoices = kWeights + 1;

}  // namespace

void read_safetensors(const Bytes& bytes) {
  const std::filesystem::path path = scratch() / "file.safetensors";
  write_data_file(path, bytes);
  const SafetensorsReader reader(path.string());
  for (const TensorEntry& entry : reader.entries()) {
    const auto elements = static_cast<std::size_t>(entry.elements());
    PLIANT_INVARIANT(entry.bytes.size() == elements * safetensors_dtype_bytes(entry.dtype), entry.name);
    const bool whole = entry.dtype[0] == 'I' || entry.dtype[0] == 'U' || entry.dtype == "BOOL";
    const std::size_t got = whole ? reader.read_int32(entry).size() : reader.read_double(entry).size() + reader.read_float(entry).size() - elements;
    PLIANT_INVARIANT(got == elements, entry.name, ": ", got, " elements");
  }
}

std::vector<Bytes> safetensors_seeds() {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const std::vector<std::int32_t> labels{7, 8};
  const std::vector<std::uint16_t> halves{0x3C00, 0x7C01};
  SafetensorsWriter writer;
  writer.add("layer1.0.conv1.weight", {1, 2, 3, 1}, std::span(values));
  writer.add("label.0", {2}, std::span(labels));
  writer.add("half", "F16", {2}, std::as_bytes(std::span(halves)));
  writer.add("none", {0}, std::span(values).first(0));
  writer.set_metadata("net", "{\"name\":\"resnet20\"}");
  const std::string path = (scratch() / "seed.safetensors").string();
  writer.write(path);
  return {read_raw_file(path), Bytes{2, 0, 0, 0, 0, 0, 0, 0, '{', '}'}};
}

void read_checkpoint(const Bytes& bytes) {
  const Chosen input = choose(bytes, kChoices);
  if (input.which < kWholeFile) {
    write_with(kTexts[input.which], text_of(input.rest));
  } else {
    write_data_file(checkpoint_path(), input.rest);
  }
  if (input.which == kWeights) {
    Net net = build_net(smallest_net());
    net.store->allocate(context(), DType::f32);
    load_weights(net, checkpoint_path(), WeightPolicy::matching);
    return;
  }
  const LoadedNet loaded = load_checkpoint(context(), checkpoint_path());
  PLIANT_INVARIANT(loaded.net.store->allocated(), "a loaded net has values");
  cli::recorded_data(loaded.info);
}

std::vector<Bytes> checkpoint_seeds() {
  return {chosen(0, to_json(smallest_net())),
          chosen(1, R"({"config":)" + to_json(recipe("lenet5")) + R"(,"epoch":3})"), chosen(2, R"({"mean":[0.5],"std":[1]})"),
          chosen(3, R"(["a","b"])"), chosen(4, "bf16"), chosen(kWholeFile, good_checkpoint()), chosen(kWeights, good_checkpoint())};
}

}  // namespace pliant::fuzz
