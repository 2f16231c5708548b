#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kernels/cross_entropy.h"
#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/part.h"
#include "train/cli/verbs.h"
#include "train/data/image_file.h"

namespace pliant::cli {

namespace {

struct PredictOptions {
  std::string file;
  std::vector<std::string> images;
  int top = 5;
  PartOptions part;
  bool json = false;
  DeviceOptions device;
};

// The image in the net's channels and size, normalised, [H, W, C].
std::vector<float> load_image(const std::string& path, const NetDescription& d, const Normalisation& normalisation) {
  Image image = with_channels(read_image(path), static_cast<int>(d.channels));
  if (image.height != d.height || image.width != d.width) {
    std::cerr << "pliant: " << path << ": " << image.height << " x " << image.width << " pixels, resized and cropped to " << d.height << " x "
              << d.width << "\n";
    image = resize_and_crop(image, static_cast<int>(d.height), static_cast<int>(d.width));
  }
  std::vector<float> values(image.pixels.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = i % static_cast<std::size_t>(d.channels);
    values[i] = static_cast<float>(image.pixels[i]) / 255.0f;
    if (!normalisation.mean.empty()) values[i] = (values[i] - normalisation.mean[c]) / normalisation.std[c];
  }
  return values;
}

// Probabilities of one exit, one row per image; images are run one by one, the results do not depend on their company.
std::vector<std::vector<double>> predict(const LoadedNet& loaded, Context& context, const PredictOptions& options) {
  const NetDescription& d = loaded.net.description;
  std::vector<std::vector<float>> images;  // all are read before the first runs: a damaged one gives no half result
  for (const std::string& path : options.images) images.push_back(load_image(path, d, loaded.info.normalisation));
  Pass pass{context};
  pass.select = chosen_part_or_last(loaded.net, options.part);
  std::vector<std::vector<double>> probabilities;
  for (const std::vector<float>& image : images) {
    const Tensor x = Tensor::from_host(context, {1, d.height, d.width, d.channels}, image);
    const Tensor logits = forward(loaded.net, pass, {x}).back().value;
    Tensor p = Tensor::like(logits);
    kernels::softmax(logits, p);
    probabilities.push_back(p.to_doubles());
  }
  return probabilities;
}

std::vector<std::size_t> best_classes(const std::vector<double>& p, int top) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(top)));
  return order;
}

void print_results(const PredictOptions& options, const CheckpointInfo& info, const std::vector<std::vector<double>>& probabilities) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    if (!options.json) std::cout << options.images[i] << "\n";
    for (const std::size_t c : best_classes(probabilities[i], options.top)) {
      const std::string name = info.class_names.empty() ? std::to_string(c) : info.class_names[c];
      rows.push_back({{"class", name}, {"index", c}, {"probability", probabilities[i][c]}});
      if (!options.json) std::cout << fmt::format("  {:>7.2f} %  {}\n", 100.0 * probabilities[i][c], name);
    }
    json.push_back({{"image", options.images[i]}, {"predictions", std::move(rows)}});
  }
  if (options.json) {
    std::cout << json_text(nlohmann::ordered_json{{"images", std::move(json)}}) << "\n";
  }
}

int run_predict(const PredictOptions& options) {
  const auto context = make_context(options.device);
  const LoadedNet loaded = load_checkpoint(*context, options.file);
  const std::int64_t channels = loaded.net.description.channels;
  PLIANT_REQUIRE(ConfigError, channels == 1 || channels == 3, options.file, ": the net takes ", channels, " channels, images have 1 or 3");
  if (loaded.info.normalisation.mean.empty()) {
    std::cerr << "pliant: " << options.file << " holds no normalisation (an untrained net?); pixels are used as 0 to 1\n";
  }
  print_results(options, loaded.info, predict(loaded, *context, options));
  return 0;
}

}  // namespace

void add_predict(CLI::App& app, Verb& chosen) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* verb = app.add_subcommand(
      "predict", "Name what PNG or JPEG images show. An image of another size is scaled until it covers the net's input, the centre is cut out");
  verb->add_option("file", options->file, "checkpoint")->required()->type_name("FILE");
  verb->add_option("images", options->images, "image files")->required()->type_name("IMAGE");
  verb->add_option("--top", options->top, "classes to list for each image")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  add_part_options(*verb, options->part, "the full width, the last exit");
  add_device_options(*verb, options->device);
  add_json_flag(*verb, options->json);
  verb->callback([options, &chosen] { chosen = [options] { return run_predict(*options); }; });
}

}  // namespace pliant::cli
