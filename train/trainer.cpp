#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nets/json.h"
#include "nets/stochastic_depth.h"
#include "nets/widths.h"
#include "train/checkpoint.h"
#include "train/files/atomic_file.h"
#include "train/hits.h"
#include "train/precision.h"

namespace pliant {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Over the widths.
Figures mean_of_last_exit(const std::vector<RowFigures>& rows, int exits) {
  Figures mean;
  double widths = 0.0;
  for (const RowFigures& row : rows) {
    if (row.exit != exits - 1) continue;
    mean.loss += row.figures.loss;
    mean.accuracy += row.figures.accuracy;
    if (row.figures.top5) mean.top5 = mean.top5.value_or(0.0) + *row.figures.top5;
    widths += 1.0;
  }
  if (mean.top5) mean.top5 = *mean.top5 / widths;
  return {mean.loss / widths, mean.accuracy / widths, mean.top5};
}

std::vector<std::vector<double>> values_of(const std::vector<RowFigures>& rows) {
  std::vector<std::vector<double>> values;
  for (const RowFigures& row : rows) {
    values.push_back({row.width, static_cast<double>(row.exit), row.figures.loss, row.figures.accuracy});
    if (row.figures.top5) values.back().push_back(*row.figures.top5);
  }
  return values;
}

// What the members that follow are made with must make sense already.
const TrainConfig& checked(const TrainConfig& config) {
  PLIANT_REQUIRE(ConfigError, config.epochs >= 1 && config.batch >= 1, "training needs at least one epoch and a batch of one, got ",
                 config.epochs, " and ", config.batch);
  return config;
}

// The net computes as the run is recorded; in double it is the specification of any f32 run.
void require_fit(const TrainConfig& config, const ParameterStore& store) {
  const Precision precision = parse_precision(config.precision);
  PLIANT_REQUIRE(ConfigError, store.dtype() == DType::f64 || store.compute_dtype() == compute_dtype(precision), "training in ", config.precision,
                 " needs a net that computes in ", compute_dtype(precision), ", this one does in ", store.compute_dtype());
  PLIANT_REQUIRE(ConfigError, precision == Precision::f16 || config.optimizer.loss_scale == 1.0, "a loss scale of ", config.optimizer.loss_scale,
                 " is for --precision f16; ", config.precision, " has the range of f32");
}

}  // namespace

Trainer::Trainer(Net& net, const Splits& splits, const TrainConfig& config, const RunFolder& folder, StepGraphMode graphs,
                 std::unique_ptr<const SelectionPolicy> policy)
    : net_(net),
      config_(checked(config)),
      folder_(folder),
      splits_(splits),
      train_(to_device(net.store->context(), splits.train, splits.normalisation)),
      validation_(to_device(net.store->context(), splits.validation, splits.normalisation)),
      test_(to_device(net.store->context(), splits.test, splits.normalisation)),
      step_(net, config, std::move(policy)),
      length_{(splits.train.size() + config.batch - 1) / config.batch, config.epochs},
      rate_(config.schedule, config.rate, length_),
      feed_(net.store->context(), splits.train.size(), config.batch, step_.optimizer().scalars_on_device().size()),
      graphs_(net.store->context(), step_graph_options(net.store->context(), graphs)) {
  require_fit(config, *net.store);
  PLIANT_REQUIRE(DataError, train_.size() > 0, "there are no training images");
  for (DeviceData* part : {&train_, &validation_, &test_}) fit_to(*part, net.description, config.augmentation);
  state_.best.patience = config.patience;
  sparsity_.emplace(net, step_.optimizer(), config.sparsity, length_);
  Context& context = net.store->context();
  loss_sum_ = Tensor::zeros(context, {1}, net.store->dtype());
  hits_ = no_hits(context, net.description.classes);
  if (train_.files) streamed_ = BatchStream::place_for(train_, config.batch);
}

void Trainer::save(const std::string& path) {
  if (positions_) positions_->write();  // first, so that the file has every pruning that a checkpoint knows of
  save_checkpoint(path, net_, {splits_.train.class_names, splits_.normalisation, state_text(), config_.precision}, step_.optimizer().arenas());
}

void Trainer::pull_sums() {
  state_.loss_sum = loss_sum_.to_doubles()[0];
  const HitCounts hits = to_host(hits_);
  state_.correct = hits.first;
  state_.top5 = hits.top5;
  PLIANT_REQUIRE(Error, std::isfinite(state_.loss_sum), "the training loss is ", state_.loss_sum, " in epoch ", state_.epoch + 1, " at batch ",
                 state_.batch, "; the last good checkpoint is ", folder_.last_checkpoint(), "; try a lower --lr or a warm-up");
}

void Trainer::push_sums() {
  const float narrow = static_cast<float>(state_.loss_sum);
  const std::int32_t hits[] = {static_cast<std::int32_t>(state_.correct), static_cast<std::int32_t>(state_.top5)};
  if (loss_sum_.dtype() == DType::f64) {
    loss_sum_.write(&state_.loss_sum);
  } else {
    loss_sum_.write(&narrow);
  }
  hits_.write(hits);
}

void Trainer::sparsify() {
  if (sparsity_->act(step()) && positions_) positions_->append(step());
}

void Trainer::feed_epoch(const EpochOrder& order) {
  std::vector<double> scalars;
  for (std::int64_t i = 0; state_.batch + i < order.batches(); ++i) {
    const std::vector<double> row = step_.optimizer().scalars(rate_.at(step() + i), step_.optimizer().steps() + i + 1);
    scalars.insert(scalars.end(), row.begin(), row.end());
  }
  feed_.begin_epoch(order.indices(), scalars, state_.batch, config_.seed, static_cast<std::uint32_t>(state_.epoch));
}

// One step, its data included. All that it needs lies on the device, streamed images since just before.
void Trainer::train_batch(std::int64_t size, BatchStream* stream) {
  const StepPlan plan = step_.plan(state_.epoch, state_.batch, size);
  net_.store->refresh_compute_copy();  // a captured step asks for it on the host alone
  const DType dtype = net_.store->compute_dtype();
  const Tensor images = stream ? stream->next() : Tensor();
  const auto step = [&](BlockStates* states) {
    Tensor samples(net_.store->context(), {size}, DType::i32);
    feed_.next(step_.optimizer().scalars_on_device(), samples);
    const Batch batch = images ? make_batch(train_, images, samples, feed_.key(), config_.augmentation, dtype)
                               : make_batch(train_, samples, feed_.key(), config_.augmentation, dtype);
    step_.launch(plan, batch, feed_.key(), loss_sum_, hits_, states);
  };
  graphs_.run(plan, step, [&] {
    std::vector<Tensor> changed = step_.changed();
    for (const Tensor& tensor : {feed_.position(), loss_sum_, hits_}) changed.push_back(tensor);
    return changed;
  });
  step_.count(plan);
}

void Trainer::measure_open_step() {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::int32_t> first(static_cast<std::size_t>(std::min(config_.batch, train_.size())));
  std::iota(first.begin(), first.end(), 0);
  const Tensor samples = Tensor::from_host(net_.store->context(), {static_cast<std::int64_t>(first.size())}, first);
  const Batch batch = make_batch(train_, samples, feed_.key(), config_.augmentation, net_.store->compute_dtype());
  open_step_seconds_ = step_.open_step_seconds(batch, feed_.key(), 3);
  aside_seconds_ = seconds_since(start);
}

// Trains what is left of the current epoch; returns early, at a whole step, when interrupted.
void Trainer::train_epoch(Progress& progress, const std::function<bool()>& interrupted) {
  const EpochOrder order(train_.size(), config_.batch, config_.seed, static_cast<std::uint32_t>(state_.epoch));
  step_.begin_epoch(state_.epoch, state_.batch);
  feed_epoch(order);
  std::optional<BatchStream> stream;
  if (train_.files && state_.batch < order.batches()) stream.emplace(train_, order.indices(), config_.batch, state_.batch, streamed_);
  while (state_.batch < order.batches() && !interrupted()) {
    const auto count = static_cast<std::int64_t>(order.batch(state_.batch).size());
    if (depth_ && open_step_seconds_ == 0.0) measure_open_step();
    if (step() == 0) sparsify();
    train_batch(count, stream ? &*stream : nullptr);
    ++state_.batch;
    sparsify();
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

std::vector<RowFigures> Trainer::evaluate_rows(const Net& net, const DeviceData& data) const {
  std::vector<RowFigures> rows;
  const NetDescription& d = net.description;
  const bool universal = d.batch_norm_sets == 1 && config_.dynamic.width_training == "sandwich";
  for (int width = 0; width < (universal ? 1 : net.widths()); ++width) {
    const Evaluation evaluation = evaluate(net, data, config_.batch, {.width = width});
    for (std::size_t exit = 0; exit < evaluation.exits.size(); ++exit) {
      rows.push_back({width_ratio(d, width), static_cast<int>(exit), evaluation.exits[exit]});
    }
  }
  return rows;
}

void Trainer::end_epoch(Progress& progress, double seconds, double rate) {
  MetricsRow row{.epoch = state_.epoch + 1, .step = step(), .learning_rate = rate};
  const auto seen = static_cast<double>(state_.samples);
  row.train_loss = state_.loss_sum / seen;
  row.train_accuracy = static_cast<double>(state_.correct) / seen;
  if (counts_top5(net_.description.classes)) row.train_top5 = static_cast<double>(state_.top5) / seen;
  row.seconds = seconds;
  row.images_per_second = seconds > 0.0 ? static_cast<double>(epoch_samples_here_) / seconds : 0.0;
  sparsity_->end_epoch();
  bool best = true;  // without a validation split the last epoch is the one that counts
  if (validation_.size() > 0) {
    const std::vector<RowFigures> rows = evaluate_rows(net_, validation_);
    const Figures mean = mean_of_last_exit(rows, net_.exits());
    row.validation_loss = mean.loss;
    row.validation_accuracy = mean.accuracy;
    row.validation_top5 = mean.top5;
    best = sparsity_->settled(step()) && state_.best.observe(state_.epoch + 1, mean.accuracy);
    rate_.end_epoch(mean.loss, mean.accuracy);
    if (rows_) rows_->append(row.epoch, values_of(rows));
  } else {
    state_.best.best_epoch = state_.epoch + 1;
    state_.best.best = 0.0;
  }
  if (config_.log_test && test_.size() > 0) {
    const Evaluation test = evaluate(net_, test_, config_.batch);
    row.test_loss = test.last().loss;
    row.test_accuracy = test.last().accuracy;
    row.test_top5 = test.last().top5;
  }
  append_step_figures(row.epoch, epoch_samples_here_ == state_.samples ? seconds : 0.0);
  state_ = {.epoch = state_.epoch + 1, .best = state_.best};
  step_.set_counts({});
  push_sums();
  if (best) save(folder_.best_checkpoint());
  if (!finished()) sparsity_->next_epoch();
  metrics_->append(row);
  save(folder_.last_checkpoint());
  progress.end_epoch(row);
}

void Trainer::append_step_figures(std::int64_t epoch, double seconds) {
  const StepCounts counts = step_.counts();
  if (!step_.gradients()) return;
  const std::vector<double> means = step_.gradients()->means(counts.steps);
  if (gradients_) gradients_->append(epoch, {means});
  if (!depth_) return;
  const auto steps = static_cast<double>(std::max<std::int64_t>(counts.steps, 1));
  depth_->append(epoch, {{static_cast<double>(counts.open_blocks) / steps, means.empty() ? 0.0 : means.front()}});
  if (seconds > 0.0) write_depth(seconds / steps);
}

void Trainer::open_tables(std::int64_t last_epoch) {
  const bool fresh = last_epoch == 0;
  const MetricsColumns columns{.test = config_.log_test, .top5 = counts_top5(net_.description.classes)};
  metrics_ = fresh ? MetricsFile::create(folder_.metrics(), columns) : MetricsFile::resume(folder_.metrics(), columns, last_epoch);
  if (validation_.size() > 0 && net_.widths() * net_.exits() > 1) {
    std::vector<std::string> names = {"width", "exit", "validation_loss", "validation_accuracy"};
    if (columns.top5) names.emplace_back("validation_top5_accuracy");
    rows_.emplace(folder_.file("rows.csv"), names, last_epoch);
  }
  if (config_.dynamic.log_gradients) gradients_.emplace(folder_.file("gradients.csv"), step_.gradients()->layers(), last_epoch);
  if (config_.sparsity.fraction > 0.0 && PositionLog::has_positions(net_)) positions_.emplace(net_, folder_.file("positions.csv"), step());
  if (net_.description.survival.empty()) return;
  depth_.emplace(folder_.file("depth.csv"), std::vector<std::string>{"open_blocks", "first_convolution_gradient"}, last_epoch);
  write_depth(0.0);
}

// What stochastic depth does to the run: the probabilities, what they promise, and the time of a step beside that of its
// passes with every block open.
void Trainer::write_depth(double seconds_per_step) {
  const NetDescription& d = net_.description;
  nlohmann::ordered_json json = {{"survival", d.survival},
                                 {"gates", d.gate_per_sample ? "sample" : "batch"},
                                 {"blocks", net_.blocks},
                                 {"expected_open_blocks", expected_open_blocks(d.survival)},
                                 {"expected_macs", d.gate_per_sample ? 1.0 : expected_macs(net_)}};
  if (seconds_per_step > 0.0 && open_step_seconds_ > 0.0) {
    json["seconds_per_step"] = seconds_per_step;
    json["seconds_per_open_step"] = open_step_seconds_;
    json["time_saved"] = 1.0 - seconds_per_step / open_step_seconds_;
  }
  write_file_atomically(folder_.file("depth.json"), json_text(json, 2) + "\n");
}

bool Trainer::finished() const {
  return state_.epoch >= config_.epochs || (sparsity_->settled(step()) && state_.best.should_stop(state_.epoch));
}

TrainResult Trainer::run(ProgressOutput output, const std::function<bool()>& interrupted) {
  const bool fresh = state_.epoch == 0 && state_.batch == 0;
  open_tables(state_.epoch);
  if (fresh) save(folder_.last_checkpoint());
  Progress progress(std::move(output), config_.epochs, length_.steps_per_epoch, step());
  while (!finished()) {
    epoch_samples_here_ = 0;
    aside_seconds_ = 0.0;
    const auto start = std::chrono::steady_clock::now();
    train_epoch(progress, interrupted);
    if (state_.batch < length_.steps_per_epoch) {
      save(folder_.last_checkpoint());
      return {.interrupted = true, .best_epoch = state_.best.best_epoch, .checkpoint = folder_.last_checkpoint()};
    }
    end_epoch(progress, seconds_since(start) - aside_seconds_, rate_.at(step() - 1));
  }
  if (positions_) positions_->draw(folder_.file("positions.svg"));
  TrainResult result{.best_epoch = state_.best.best_epoch, .checkpoint = folder_.best_checkpoint()};
  if (validation_.size() > 0) result.validation_accuracy = state_.best.best;
  if (test_.size() > 0) {
    const LoadedNet best = load_checkpoint(net_.store->context(), folder_.best_checkpoint(), net_.store->dtype(), net_.store->compute_dtype());
    result.test_rows = evaluate_rows(best.net, test_);
    const Figures& last = result.test_rows[static_cast<std::size_t>(net_.exits()) - 1].figures;
    result.test_accuracy = last.accuracy;
    result.test_top5 = last.top5;
  }
  return result;
}

}  // namespace pliant
