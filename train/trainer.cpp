#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/reduce.h"
#include "train/checkpoint.h"
#include "train/data/batches.h"

namespace pliant {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Marks what the configuration freezes, before the optimizer looks at it.
ParameterStore& frozen(ParameterStore& store, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes) {
    bool found = false;
    for (Parameter& parameter : store.parameters()) {
      if (!parameter.trainable() || !parameter.name.starts_with(prefix)) continue;
      parameter.frozen = found = true;
    }
    PLIANT_REQUIRE(ConfigError, found, "freeze: no parameter's name begins with \"", prefix, "\"; `pliant info` lists the layers");
  }
  return store;
}

}  // namespace

Trainer::Trainer(Net& net, const Splits& splits, const TrainConfig& config, const RunFolder& folder)
    : net_(net),
      config_(config),
      folder_(folder),
      splits_(splits),
      train_(to_device(net.store->context(), splits.train, splits.normalisation)),
      validation_(to_device(net.store->context(), splits.validation, splits.normalisation)),
      test_(to_device(net.store->context(), splits.test, splits.normalisation)),
      optimizer_(frozen(*net.store, config.freeze), config.optimizer),
      length_{(splits.train.size() + config.batch - 1) / std::max<std::int64_t>(config.batch, 1), config.epochs},
      rate_(config.schedule, config.rate, length_) {
  PLIANT_REQUIRE(ConfigError, config.epochs >= 1 && config.batch >= 1, "training needs at least one epoch and a batch of one, got ",
                 config.epochs, " and ", config.batch);
  PLIANT_REQUIRE(DataError, train_.size() > 0, "there are no training images");
  PLIANT_REQUIRE(ConfigError, config.exit_weights.empty() || static_cast<int>(config.exit_weights.size()) == net.exits(), net.description.name,
                 " has ", net.exits(), " exits, ", config.exit_weights.size(), " exit weights were given");
  state_.best.patience = config.patience;
  Context& context = net.store->context();
  loss_sum_ = Tensor::zeros(context, {1}, net.store->dtype());
  correct_ = Tensor::zeros(context, {1}, DType::i32);
}

std::string Trainer::state_text() const {
  nlohmann::ordered_json json;
  json["config"] = nlohmann::ordered_json::parse(to_json(config_));
  json["epoch"] = state_.epoch;
  json["batch"] = state_.batch;
  json["loss_sum"] = state_.loss_sum;
  json["correct"] = state_.correct;
  json["samples"] = state_.samples;
  json["optimizer_steps"] = optimizer_.steps();
  json["best_epoch"] = state_.best.best_epoch;
  if (state_.best.best_epoch > 0) json["best_accuracy"] = state_.best.best;
  json["schedule_state"] = rate_.state_text();
  return json.dump();
}

void Trainer::restore(const std::string& text, const std::vector<OptimizerArena>& arenas) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  PLIANT_REQUIRE(FileError, json.is_object(), "training state: not a JSON object");
  State state;
  std::int64_t optimizer_steps = 0;
  try {
    state.epoch = json.at("epoch").get<std::int64_t>();
    state.batch = json.at("batch").get<std::int64_t>();
    state.loss_sum = json.at("loss_sum").get<double>();
    state.correct = json.at("correct").get<std::int64_t>();
    state.samples = json.at("samples").get<std::int64_t>();
    optimizer_steps = json.at("optimizer_steps").get<std::int64_t>();
    state.best.best_epoch = json.at("best_epoch").get<std::int64_t>();
    if (state.best.best_epoch > 0) state.best.best = json.at("best_accuracy").get<double>();
    state.best.patience = config_.patience;
    rate_.restore_state(json.at("schedule_state").get<std::string>());
  } catch (const nlohmann::json::exception& error) {
    throw FileError(cat("training state: ", error.what()));
  }
  PLIANT_REQUIRE(FileError, state.epoch >= 0 && state.epoch <= config_.epochs && state.batch >= 0 && state.batch <= length_.steps_per_epoch,
                 "training state: epoch ", state.epoch, ", batch ", state.batch, " of ", config_.epochs, " epochs with ",
                 length_.steps_per_epoch, " batches; is this the same data set?");
  PLIANT_REQUIRE(FileError, optimizer_steps >= 0, "training state: ", optimizer_steps, " steps of the optimizer");
  optimizer_.restore(arenas);
  optimizer_.set_steps(optimizer_steps);
  state_ = state;
  push_sums();
}

void Trainer::save(const std::string& path) {
  save_checkpoint(path, net_, {splits_.train.class_names, splits_.normalisation, state_text()}, optimizer_.arenas());
}

void Trainer::pull_sums() {
  state_.loss_sum = loss_sum_.to_doubles()[0];
  state_.correct = correct_.to_host<std::int32_t>()[0];
  PLIANT_REQUIRE(Error, std::isfinite(state_.loss_sum), "the training loss is ", state_.loss_sum, " in epoch ", state_.epoch + 1, " at batch ",
                 state_.batch, "; the last good checkpoint is ", folder_.last_checkpoint(), "; try a lower --lr or a warm-up");
}

void Trainer::push_sums() {
  const float narrow = static_cast<float>(state_.loss_sum);
  const auto correct = static_cast<std::int32_t>(state_.correct);
  if (loss_sum_.dtype() == DType::f64) {
    loss_sum_.write(&state_.loss_sum);
  } else {
    loss_sum_.write(&narrow);
  }
  correct_.write(&correct);
}

void Trainer::train_step(const Batch& batch, const Tensor& key, double rate) {
  Tape tape;
  Pass pass{.context = net_.store->context(), .tape = &tape, .mode = Mode::train, .random_key = key, .samples = batch.samples};
  optimizer_.zero_gradients();
  const std::vector<Var> logits = forward(net_, pass, Var{batch.images});
  std::vector<Tape::Root> roots;
  for (std::size_t exit = 0; exit < logits.size(); ++exit) {
    const double weight = config_.exit_weights.empty() ? 1.0 : config_.exit_weights[exit];
    const Var loss = cross_entropy(logits[exit], {.labels = batch.labels, .smoothing = config_.smoothing});
    kernels::accumulate_sum(loss.value, weight * static_cast<double>(batch.labels.size()), loss_sum_);
    roots.push_back({scale(loss, weight), {}});
  }
  kernels::count_correct(logits.back().value, batch.labels, correct_);
  tape.backward(roots);
  optimizer_.step(rate);
}

// Trains what is left of the current epoch; returns early, at a whole step, when interrupted.
void Trainer::train_epoch(Progress& progress, const std::function<bool()>& interrupted) {
  Context& context = net_.store->context();
  const auto epoch = static_cast<std::uint32_t>(state_.epoch);
  const EpochOrder order(train_.size(), config_.batch, config_.seed, epoch);
  const std::span<const std::int32_t> indices = order.indices();
  const Tensor samples = Tensor::from_host(context, {train_.size()}, indices), key = random_key(context, config_.seed, epoch);
  while (state_.batch < order.batches() && !interrupted()) {
    const auto count = static_cast<std::int64_t>(order.batch(state_.batch).size());
    const Tensor ids = samples.rows(state_.batch * config_.batch, count);
    train_step(make_batch(train_, ids, key, config_.augmentation, net_.store->dtype()), key, rate_.at(step()));
    ++state_.batch;
    state_.samples += count;
    epoch_samples_here_ += count;
    progress.step(count);
    if (!progress.due()) continue;
    pull_sums();
    const auto seen = static_cast<double>(state_.samples);
    progress.show(state_.loss_sum / seen, static_cast<double>(state_.correct) / seen);
  }
  pull_sums();
}

void Trainer::end_epoch(Progress& progress, MetricsFile& metrics, double seconds, double rate) {
  MetricsRow row{.epoch = state_.epoch + 1, .step = step(), .learning_rate = rate};
  const auto seen = static_cast<double>(state_.samples);
  row.train_loss = state_.loss_sum / seen;
  row.train_accuracy = static_cast<double>(state_.correct) / seen;
  row.seconds = seconds;
  row.images_per_second = seconds > 0.0 ? static_cast<double>(epoch_samples_here_) / seconds : 0.0;
  bool best = true;  // without a validation split the last epoch is the one that counts
  if (validation_.size() > 0) {
    const Evaluation validation = evaluate(net_, validation_, config_.batch);
    row.validation_loss = validation.last().loss;
    row.validation_accuracy = validation.last().accuracy;
    best = state_.best.observe(state_.epoch + 1, validation.last().accuracy);
    rate_.end_epoch(validation.last().loss, validation.last().accuracy);
  } else {
    state_.best.best_epoch = state_.epoch + 1;
    state_.best.best = 0.0;
  }
  if (config_.log_test && test_.size() > 0) {
    const Evaluation test = evaluate(net_, test_, config_.batch);
    row.test_loss = test.last().loss;
    row.test_accuracy = test.last().accuracy;
  }
  state_ = {.epoch = state_.epoch + 1, .best = state_.best};
  push_sums();
  if (best) save(folder_.best_checkpoint());
  metrics.append(row);
  save(folder_.last_checkpoint());
  progress.end_epoch(row);
}

TrainResult Trainer::run(ProgressOutput output, const std::function<bool()>& interrupted) {
  const bool fresh = state_.epoch == 0 && state_.batch == 0;
  MetricsFile metrics = fresh ? MetricsFile::create(folder_.metrics(), config_.log_test)
                              : MetricsFile::resume(folder_.metrics(), config_.log_test, state_.epoch);
  if (fresh) save(folder_.last_checkpoint());
  Progress progress(std::move(output), config_.epochs, length_.steps_per_epoch, step());
  while (state_.epoch < config_.epochs && !state_.best.should_stop(state_.epoch)) {
    const auto start = std::chrono::steady_clock::now();
    epoch_samples_here_ = 0;
    train_epoch(progress, interrupted);
    if (state_.batch < length_.steps_per_epoch) {
      save(folder_.last_checkpoint());
      return {.interrupted = true, .best_epoch = state_.best.best_epoch, .checkpoint = folder_.last_checkpoint()};
    }
    end_epoch(progress, metrics, seconds_since(start), rate_.at(step() - 1));
  }
  TrainResult result{.best_epoch = state_.best.best_epoch, .checkpoint = folder_.best_checkpoint()};
  if (validation_.size() > 0) result.validation_accuracy = state_.best.best;
  if (test_.size() > 0) {
    const LoadedNet best = load_checkpoint(net_.store->context(), folder_.best_checkpoint(), net_.store->dtype());
    result.test_accuracy = evaluate(best.net, test_, config_.batch).last().accuracy;
  }
  return result;
}

}  // namespace pliant
