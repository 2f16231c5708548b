#include "train/progress.h"

#include <doctest/doctest.h>

#include <sstream>

using namespace pliant;

namespace {

struct Screen {
  std::ostringstream out;
  double time = 100;

  ProgressOutput output(bool terminal, bool colour = false, int width = 200) {
    return {&out, terminal, colour, width, [this] { return time; }};
  }
  std::string take() {
    std::string text = out.str();
    out.str("");
    return text;
  }
};

}  // namespace

TEST_CASE("progress: a terminal shows a bar with throughput and remaining time") {
  Screen screen;
  Progress progress(screen.output(true), 4, 10, 0);
  CHECK_FALSE(progress.due());
  for (int i = 0; i < 5; ++i) progress.step(128);
  screen.time += 2;
  CHECK(progress.due());
  progress.show(1.25, 0.5);
  CHECK(screen.take() == "\repoch 1/4 [############------------]  50%  320 images/s  loss 1.2500  accuracy 50.00%  "
                         "00:14 left\x1b[K");
  screen.time += 0.05;
  CHECK_FALSE(progress.due());
  screen.time += 0.06;
  CHECK(progress.due());
  for (int i = 0; i < 5; ++i) progress.step(128);
  progress.show(1, 0.5);
  CHECK(screen.take().find("\repoch 1/4 [########################] 100%") == 0);
}

TEST_CASE("progress: a resumed run counts on and estimates from its own steps") {
  Screen screen;
  Progress progress(screen.output(true), 4, 10, 20);
  for (int i = 0; i < 5; ++i) progress.step(100);
  screen.time += 10;
  progress.show(1, 0.25);
  const std::string text = screen.take();
  CHECK(text.find("epoch 3/4 [############") != std::string::npos);
  CHECK(text.find("50 images/s") != std::string::npos);
  CHECK(text.find("00:30 left") != std::string::npos);
}

TEST_CASE("progress: the bar never wraps and its colour is optional") {
  Screen screen;
  {
    Progress progress(screen.output(true, true, 30), 4, 2, 0);
    progress.step(1);
    progress.show(1, 0.5);
    CHECK(screen.take() == "\repoch 1/4 [\x1b[32m############\x1b[0m------\x1b[K");
  }
  CHECK(screen.take() == "\n");  // the next output begins on a line of its own
  Progress plain(screen.output(true, false, 30), 4, 2, 0);
  plain.step(1);
  plain.show(1, 0.5);
  CHECK(screen.take().find("\x1b[3") == std::string::npos);
}

TEST_CASE("progress: elsewhere there are plain lines at epochs and twice a minute") {
  Screen screen;
  Progress progress(screen.output(false), 2, 4, 0);
  progress.step(64);
  screen.time += 29;
  CHECK_FALSE(progress.due());
  screen.time += 1;
  REQUIRE(progress.due());
  progress.show(2.5, 0.125);
  CHECK(screen.take() == "epoch 1/2 step 1/4  2 images/s  loss 2.5000  accuracy 12.50%  03:30 left\n");
  MetricsRow row;
  row.epoch = 1;
  row.learning_rate = 0.05;
  row.train_loss = 2;
  row.train_accuracy = 0.25;
  row.images_per_second = 100;
  row.seconds = 2.5;
  progress.end_epoch(row);
  CHECK(screen.take() == "epoch 1/2  rate 0.05  train loss 2.0000 accuracy 25.00%  100 images/s  2.5 s\n");
  row.validation_loss = 1.5;
  row.validation_accuracy = 0.5;
  progress.end_epoch(row);
  CHECK(screen.take().find("  validation loss 1.5000 accuracy 50.00%  100 images/s") != std::string::npos);
}

TEST_CASE("progress: a line replaces the bar and no output stays silent") {
  Screen screen;
  Progress progress(screen.output(true), 2, 4, 0);
  progress.step(1);
  progress.show(1, 1);
  screen.take();
  progress.message("new best epoch");
  CHECK(screen.take() == "\r\x1b[Knew best epoch\n");
  Progress silent(ProgressOutput{}, 2, 4, 0);
  silent.step(1);
  CHECK_FALSE(silent.due());
  silent.show(1, 1);
  silent.message("nothing");
}

TEST_CASE("progress: durations are readable") {
  CHECK(duration_text(0) == "00:00");
  CHECK(duration_text(59.6) == "01:00");
  CHECK(duration_text(3723) == "1:02:03");
  CHECK(duration_text(-1) == "--:--");
  CHECK(duration_text(0.0 / 0.0) == "--:--");
}
