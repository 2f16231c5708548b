// How long every part of a net takes on this machine, and which part to run within a budget of time. A table is measured once and
// kept; the controller that reads it decides at run time, between any two passes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/parts.h"

namespace pliant {

struct LatencyRow {
  double width = 1.0;              // ratio
  int exit = 0;
  std::int64_t batch = 1;
  std::int64_t parameters = 0, macs = 0;
  double median_ms = 0.0, p90_ms = 0.0;
  std::optional<double> plain_ms;  // median of the same part extracted: what being slimmable costs
  std::optional<double> accuracy;  // 0..1
};

struct LatencyTable {
  std::string net, device;
  int threads = 0;
  std::vector<LatencyRow> rows;
};
std::string to_json(const LatencyTable& table);
// FileError naming the field for text that is no such table.
LatencyTable latency_table_from_json(const std::string& text);

struct TimingOptions {
  int least = 9, most = 200;  // rounds
  double seconds = 2.0;       // no round begins after that, once there were the least
};
struct Timing {
  double median_ms = 0.0, p90_ms = 0.0;
};
// Runs all in turns, there and back, so that a machine's noise meets all alike; two rounds before are not counted.
std::vector<Timing> time_in_turns(Context& context, const std::vector<std::function<void()>>& runs, const TimingOptions& options);

// [batch, H, W, C] on the device, as the net takes them; the same every time.
Tensor random_images(const Net& net, std::int64_t batch);

// Every part at every batch size, on random images that lie on the device.
std::vector<LatencyRow> measure_latency(const Net& net, const std::vector<Part>& parts, const std::vector<std::int64_t>& batches,
                                        bool beside_extracted, const TimingOptions& options);

// Picks the part of a net to run. Changing it costs nothing: a Selection is a value, and the net has all parts already.
class WidthController {
 public:
  struct Choice {
    LatencyRow row;
    Selection select;
  };
  // Uses the rows of one batch size. UsageError where a row names what the net does not have, ConfigError where none is left.
  WidthController(const Net& net, const LatencyTable& table, std::int64_t batch = 1);

  // Of the parts whose median is within the budget the most accurate one, or where the table lacks an accuracy the one with the most
  // MACs; of equals the fastest. ConfigError that names the fastest where none is.
  const Choice& choose(double budget_ms) const;

 private:
  std::vector<Choice> choices_;  // best first
};

}  // namespace pliant
