// Inference that stops early (Teerapittayanon, McDanel, Kung, "BranchyNet", ICPR 2016): after each exit the samples that are
// sure leave with that exit's answer, and the survivors, moved together on the device, go on through the next stages. Nothing
// here sees a label; choosing thresholds is somebody else's work (train/early_exit).
#pragma once

#include "kernels/exits.h"
#include "nets/net.h"

namespace pliant {

// Who decides how many rows run behind an exit. host: it reads who left after each exit, and the next stages run over the others alone.
// device: nobody waits; the next stages run over as many rows as were expected (nets/device_exits.h). The answers are the same.
enum class Routing : std::uint8_t { automatic, host, device };  // automatic: device on a GPU where the rule says what to expect of a batch

struct ExitRule {
  ConfidenceMeasure measure = ConfidenceMeasure::entropy;
  std::vector<double> thresholds;  // one per selected exit but the last, where every sample that came so far leaves
  std::vector<double> staying{};   // share of all samples that is expected to go on behind each of these exits; empty: unknown
  Routing routing = Routing::automatic;
};

struct EarlyExitResult {
  std::vector<std::int32_t> predictions;  // [N] classes
  std::vector<std::int32_t> exits;        // [N] the exit each sample left at, counted over all exits of the net
  Tensor logits;                          // [N, classes] on the device, of those exits; no tensor unless asked for
};

// Classifies x [N, H, W, C] with what pass.select asks for: width, dropped blocks, and of the exits those not skipped. Each
// sample gets what it would get alone. Reads a few integers per sample back to the host, at each exit or once: Routing.
// Libraries plan their work per batch size, so survivors are padded with zero images to one of batch_sizes(N).
// Throws ConfigError where the number of thresholds is not that of the selected exits less one (naming both), for expected shares
// outside [0, 1] or of another number, or where the pass records or trains; ShapeError where x does not fit.
EarlyExitResult classify_early(const Net& net, Pass& pass, const Tensor& x, const ExitRule& rule, bool keep_logits = false);

// The exits that a selection asks for, ascending.
std::vector<int> selected_exits(const Net& net, const Selection& select);

// Throw as classify_early does.
void require_thresholds(const Net& net, const Selection& select, const ExitRule& rule);
void require_early_pass(const Net& net, const Pass& pass, const Tensor& x);

// The sizes that a batch of n can shrink to, ascending, n last: four per doubling.
std::vector<std::int64_t> batch_sizes(std::int64_t n);
std::int64_t padded_batch(std::int64_t rows);  // the least of them that holds so many rows, for any large enough n

// MACs of one sample up to each selected exit. They include the heads of the selected exits before it, which have run too.
std::vector<std::int64_t> exit_costs(const Net& net, const Selection& select = {});

// sum over exits of shares[i] costs[i].
double mean_cost(const std::vector<double>& shares, const std::vector<std::int64_t>& costs);

}  // namespace pliant
