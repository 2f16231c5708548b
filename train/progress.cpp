#include "train/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace pliant {
namespace {

constexpr int kBarCells = 24;
constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kPlain = "\x1b[0m";
constexpr const char* kClearToEnd = "\x1b[K";

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string figures(const char* split, double loss, double accuracy) {
  return fmt::format("  {} loss {:.4f} accuracy {:.2f}%", split, loss, 100 * accuracy);
}

}  // namespace

std::string duration_text(double seconds) {
  if (!(seconds >= 0 && seconds < 1e9)) return "--:--";
  const auto total = static_cast<std::int64_t>(std::llround(seconds));
  const std::int64_t hours = total / 3600, minutes = total / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
  return fmt::format("{:02}:{:02}", minutes, total % 60);
}

ProgressOutput standard_error_output() {
  ProgressOutput output;
  output.out = &std::cerr;
  output.terminal = ::isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb";
  output.colour = output.terminal && environment("NO_COLOR").empty();
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) output.width = size.ws_col;
  output.now = steady_seconds;
  return output;
}

Progress::Progress(ProgressOutput output, std::int64_t epochs, std::int64_t steps_per_epoch, std::int64_t first_step)
    : output_(std::move(output)),
      epochs_(epochs),
      steps_per_epoch_(steps_per_epoch),
      first_step_(first_step),
      steps_(first_step) {
  if (!output_.now) output_.now = steady_seconds;
  start_ = epoch_start_ = last_shown_ = output_.now();
}

Progress::~Progress() {
  // What is printed next, perhaps an error, must not run into the bar.
  if (bar_visible_) *output_.out << '\n' << std::flush;
}

void Progress::step(std::int64_t images) {
  ++steps_;
  epoch_images_ += images;
}

bool Progress::due() const {
  if (!output_.out) return false;
  return output_.now() - last_shown_ >= (output_.terminal ? kRedrawSeconds : kLineSeconds);
}

std::string Progress::status(double loss, double accuracy, double now) const {
  const double elapsed = now - start_;
  const auto done = static_cast<double>(steps_ - first_step_);
  const auto left = static_cast<double>(epochs_ * steps_per_epoch_ - steps_);
  const double rate = static_cast<double>(epoch_images_) / (now - epoch_start_);
  return fmt::format("{:.0f} images/s  loss {:.4f}  accuracy {:.2f}%  {} left", std::isfinite(rate) ? rate : 0.0, loss,
                     100 * accuracy, duration_text(done > 0 ? elapsed / done * left : -1));
}

void Progress::show(double loss, double accuracy) {
  if (!output_.out) return;
  const double now = output_.now();
  last_shown_ = now;
  const std::int64_t epoch = steps_ == 0 ? 1 : (steps_ - 1) / steps_per_epoch_ + 1;
  const std::int64_t in_epoch = steps_ - (epoch - 1) * steps_per_epoch_;
  const std::string head = fmt::format("epoch {}/{} ", epoch, epochs_);
  const std::string tail = status(loss, accuracy, now);
  if (!output_.terminal) {
    *output_.out << head << "step " << in_epoch << '/' << steps_per_epoch_ << "  " << tail << std::endl;
    return;
  }
  const auto filled = static_cast<std::size_t>(kBarCells * in_epoch / steps_per_epoch_);
  const std::string bar = std::string(filled, '#') + std::string(kBarCells - filled, '-');
  std::string text = fmt::format("{}[{}] {:3}%  {}", head, bar, 100 * in_epoch / steps_per_epoch_, tail);
  const auto columns = static_cast<std::size_t>(std::max(output_.width - 1, 1));
  text.resize(std::min(text.size(), columns));  // a longer line would wrap and could not be redrawn
  const std::size_t bar_begin = head.size() + 1, bar_end = bar_begin + filled;
  if (output_.colour && text.size() >= bar_end) {
    text.insert(bar_end, kPlain);
    text.insert(bar_begin, kGreen);
  }
  *output_.out << '\r' << text << kClearToEnd << std::flush;
  bar_visible_ = true;
}

void Progress::line(const std::string& text) {
  if (!output_.out) return;
  if (bar_visible_) *output_.out << '\r' << kClearToEnd;
  bar_visible_ = false;
  *output_.out << text << std::endl;
}

void Progress::end_epoch(const MetricsRow& row) {
  std::string text = fmt::format("epoch {}/{}  rate {:.4g}", row.epoch, epochs_, row.learning_rate);
  text += figures("train", row.train_loss, row.train_accuracy);
  if (row.validation_loss && row.validation_accuracy) {
    text += figures("validation", *row.validation_loss, *row.validation_accuracy);
  }
  if (row.test_loss && row.test_accuracy) text += figures("test", *row.test_loss, *row.test_accuracy);
  line(text + fmt::format("  {:.0f} images/s  {:.1f} s", row.images_per_second, row.seconds));
  epoch_images_ = 0;
  epoch_start_ = last_shown_ = output_.now();
}

void Progress::message(const std::string& text) { line(text); }

}  // namespace pliant
