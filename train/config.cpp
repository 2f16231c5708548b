#include "train/config.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "core/check.h"
#include "nets/json.h"
#include "train/files/text.h"
#include "train/precision.h"

namespace pliant {

using Json = nlohmann::ordered_json;

TrainConfig recipe(const std::string& net_name) {
  TrainConfig config;
  if (net_name == "lenet5" || net_name == "mlp") {
    config.epochs = 10;
    config.batch = 64;
    config.rate = 0.05;
    config.optimizer.weight_decay = 1e-4;
    return config;
  }
  if (net_name.starts_with("b-")) {  // BranchyNet, section IV: Adam, heavier weights for earlier exits
    config.optimizer = {.kind = OptimizerKind::adam};
    const bool digits = net_name == "b-lenet";
    config.rate = digits ? 0.003 : 0.002;
    config.epochs = digits ? 14 : 30;
    config.dynamic.exit_weights = "decreasing";
    config.augmentation = {.pad = digits ? 2 : 4, .flip = !digits};
    return config;
  }
  config.augmentation = {.pad = 4, .flip = true};
  if (net_name.starts_with("vgg")) config.rate = 0.05;
  const bool large = net_name == "resnet34" || net_name == "resnet50" || net_name == "preresnet50" || net_name.ends_with("-imagenet");
  if (large || net_name.starts_with("densenet")) {
    config.rate = net_name == "vgg16-imagenet" ? 0.01 : 0.05;  // without batch norm
    config.batch = 64;
    config.optimizer.weight_decay = 1e-4;
  } else if (net_name.starts_with("resnet")) {
    config.rate = 0.2;
  }
  return config;
}

namespace {

// What stands behind the colon of one part of the text.
template <class T>
T parse_amount(const std::string& text, const std::string& whole, T low, T high) {
  const std::optional<T> value = parse_number<T>(text);
  PLIANT_REQUIRE(UsageError, value && *value >= low && *value <= high, "augmentation \"", whole, "\": expected a number from ", low, " to ", high,
                 ", got \"", text, "\"");
  return *value;
}

// "b/c/s/h"; those that are left out are 0.
void parse_jitter(const std::string& text, const std::string& whole, Augmentation& result) {
  double* const amounts[] = {&result.brightness, &result.contrast, &result.saturation, &result.hue};
  const double most[] = {100.0, 100.0, 100.0, 0.5};
  std::size_t count = 0;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, '/'); ++count) {
    PLIANT_REQUIRE(UsageError, count < 4, "augmentation \"", whole, "\": jitter takes brightness/contrast/saturation/hue, four numbers at most");
    *amounts[count] = parse_amount(part, whole, 0.0, most[count]);
  }
  PLIANT_REQUIRE(UsageError, result.jitters(), "augmentation \"", whole, "\": jitter changes nothing; give brightness/contrast/saturation/hue");
}

}  // namespace

TrainConfig fine_tuning(TrainConfig config, std::int64_t epochs, double rate) {
  config.epochs = epochs;
  config.rate = rate;
  config.schedule = {.kind = ScheduleKind::constant};
  config.patience = 0;
  config.init_file.clear();
  config.sparsity = {};
  config.optimizer.scale_sparsity = config.optimizer.block_sparsity = 0.0;
  return config;
}

Augmentation parse_augmentation(const std::string& text) {
  Augmentation result;
  if (text == "none") return result;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t colon = part.find(':');
    const std::string name = part.substr(0, colon), size = colon == std::string::npos ? "" : part.substr(colon + 1);
    if (name == "crop" || name == "crop-mean") {
      result.pad = colon == std::string::npos ? 4 : parse_amount(size, text, 1, 1024);
      result.fill_with_mean = name == "crop-mean";
    } else if (name == "flip" && colon == std::string::npos) {
      result.flip = true;
    } else if (name == "resized-crop") {
      result.framing = Framing::random;
      if (colon != std::string::npos) result.least_area = parse_amount(size, text, 1e-4, 1.0);
    } else if (name == "jitter") {
      parse_jitter(colon == std::string::npos ? "0.4/0.4/0.4/0.1" : size, text, result);
    } else if (name == "cutout") {
      result.cutout = colon == std::string::npos ? 8 : parse_amount(size, text, 1, 1024);
    } else {
      throw UsageError(cat("augmentation \"", text, "\": \"", part, "\" is none of crop[:PIXELS], crop-mean[:PIXELS], resized-crop[:SHARE], flip, "
                           "jitter[:B/C/S/H], cutout[:SIDE], none"));
    }
  }
  PLIANT_REQUIRE(UsageError, !text.empty(), "augmentation: empty; give none, or crop, flip, cutout joined by commas");
  PLIANT_REQUIRE(UsageError, result.framing == Framing::shifted || result.pad == 0, "augmentation \"", text,
                 "\": crop and resized-crop both say which part of the image is shown; give one of them");
  return result;
}

std::string augmentation_text(const Augmentation& augmentation) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ",") + part; };
  if (augmentation.pad > 0) add(cat(augmentation.fill_with_mean ? "crop-mean:" : "crop:", augmentation.pad));
  if (augmentation.framing == Framing::random) add(cat("resized-crop:", number_text(augmentation.least_area)));
  if (augmentation.flip) add("flip");
  if (augmentation.jitters()) {
    add(cat("jitter:", number_text(augmentation.brightness), "/", number_text(augmentation.contrast), "/", number_text(augmentation.saturation), "/",
            number_text(augmentation.hue)));
  }
  if (augmentation.cutout > 0) add(cat("cutout:", augmentation.cutout));
  return text.empty() ? "none" : text;
}

namespace {

// One list of fields for writing, reading and comparing: visit(name, reference) for each.
template <class Config, class Visit>
void visit_plain(Config& c, Visit&& visit) {
  visit("epochs", c.epochs);
  visit("batch", c.batch);
  visit("lr", c.rate);
  visit("momentum", c.optimizer.momentum);
  visit("nesterov", c.optimizer.nesterov);
  visit("weight-decay", c.optimizer.weight_decay);
  visit("decay-all", c.optimizer.decay_all);
  visit("l1", c.optimizer.l1);
  visit("scale-sparsity", c.optimizer.scale_sparsity);
  visit("block-sparsity", c.optimizer.block_sparsity);
  visit("beta1", c.optimizer.beta1);
  visit("beta2", c.optimizer.beta2);
  visit("epsilon", c.optimizer.epsilon);
  visit("precision", c.precision);
  visit("loss-scale", c.optimizer.loss_scale);
  visit("label-smoothing", c.smoothing);
  visit("width-training", c.dynamic.width_training);
  visit("sandwich", c.dynamic.sandwich);
  visit("inplace-distillation", c.dynamic.inplace_distillation);
  visit("exit-weights", c.dynamic.exit_weights);
  visit("anneal-exits", c.dynamic.anneal_exits);
  visit("freeze-backbone", c.dynamic.freeze_backbone);
  visit("exit-loss", c.dynamic.exit_loss);
  visit("loss-per-class", c.dynamic.loss_per_class);
  visit("detach-exits", c.dynamic.detach_exits);
  visit("distill-exits", c.dynamic.distill_exits);
  visit("exit-order", c.dynamic.exit_order);
  visit("log-gradients", c.dynamic.log_gradients);
  visit("sparsity", c.sparsity.fraction);
  visit("sparsity-schedule", c.sparsity.schedule);
  visit("sparsity-begin", c.sparsity.begin);
  visit("sparsity-end", c.sparsity.end);
  visit("sparsity-every", c.sparsity.every);
  visit("sparsity-scope", c.sparsity.scope);
  visit("dense-at", c.sparsity.dense_at);
  visit("soft-pruning", c.sparsity.soft_pruning);
  visit("seed", c.seed);
  visit("patience", c.patience);
  visit("log-test", c.log_test);
  visit("freeze", c.freeze);
  visit("initialisation", c.initialisation);
  visit("scale-init", c.scale_init);
  visit("init", c.init_file);
  visit("dataset", c.data.dataset);
  visit("validation", c.data.validation);
  visit("limit-train", c.data.limit_train);
  visit("limit-test", c.data.limit_test);
  visit("resize", c.data.resize);
  visit("coarse-labels", c.data.coarse_labels);
}

Json record(const TrainConfig& config) {
  Json json;
  visit_plain(config, [&](const char* name, const auto& value) { json[name] = value; });
  json["optimizer"] = name_of(config.optimizer.kind);
  json["schedule"] = schedule_text(config.schedule);
  json["augment"] = augmentation_text(config.augmentation);
  json["normalisation"] = config.data.normalisation == NormalisationKind::published ? "published" : "computed";
  return json;
}

}  // namespace

std::string to_json(const TrainConfig& config) { return json_text(record(config)); }

TrainConfig config_from_json(const std::string& text) {
  const auto json = parse_json(text, "training record");
  PLIANT_REQUIRE(FileError, json.is_object(), "training record: not a JSON object");
  TrainConfig config;
  try {
    for (const char* name : {"epochs", "batch", "lr"}) json_member(json, name);
    // Records made before a field existed mean its default.
    visit_plain(config, [&](const char* name, auto& value) {
      value = json_field(json, name, value);
    });
    if (json.contains("optimizer")) config.optimizer.kind = parse_optimizer(json_field<std::string>(json, "optimizer"));
    check(config.dynamic);
    check(config.sparsity);
    parse_precision(config.precision);
    config.schedule = parse_schedule(json_field<std::string>(json, "schedule"));
    config.augmentation = parse_augmentation(json_field<std::string>(json, "augment"));
    const bool published = json_field<std::string>(json, "normalisation") == "published";
    config.data.normalisation = published ? NormalisationKind::published : NormalisationKind::computed;
  } catch (const FileError& error) {
    throw FileError(cat("training record: ", error.what()));
  } catch (const UsageError& error) {
    throw FileError(cat("training record: ", error.what()));
  }
  config.data.seed = config.seed;
  return config;
}

std::vector<std::string> differing_fields(const TrainConfig& a, const TrainConfig& b) {
  const Json left = Json::parse(to_json(a)), right = Json::parse(to_json(b));  // as they are recorded
  std::vector<std::string> names;
  for (const auto& [name, value] : left.items()) {
    if (right.at(name) != value) names.push_back(name);
  }
  return names;
}

}  // namespace pliant
