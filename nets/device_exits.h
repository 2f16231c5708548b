// Early exits without the host between stages: rows that stay are counted and moved together on the device, and the stages that follow
// run over a batch whose size was fixed before, a bucket. The answers are read once, at the end. Rows that found no room in their bucket
// wait in front of it and are sent on then, so the answers are those of classify_early() whatever the buckets are.
#pragma once

#include "nets/early_exit.h"

namespace pliant {

class DeviceExits {
 public:
  // For batches of n >= 1 samples and the exits that `select` asks for. Throws ConfigError as classify_early does.
  DeviceExits(const Net& net, const Selection& select, std::int64_t n, const ExitRule& rule, bool keep_logits);

  // Launches the classification of x [n, H, W, C]; nothing waits, so it can be captured as a graph and replayed. pass: of the same
  // selection, without a tape; else ConfigError. ShapeError where x does not fit.
  void launch(Pass& pass, const Tensor& x);
  // Waits, and sends on who waits in front of a bucket. After every launch(), or replay of one; ConfigError where there was none.
  EarlyExitResult finish(Pass& pass);

  // Rows that run behind each exit but the last.
  const std::vector<std::int64_t>& buckets() const { return buckets_; }

 private:
  struct Rows {        // on their way
    std::size_t stage; // that comes next
    int exit;          // that came last
    std::size_t decision;
    Tensor features, samples, count;  // [B, ...], [B] i32, [1] i32: how many of the B are samples
  };
  struct Waiting {     // those of `kept` and `staying` from `bucket` on
    std::size_t stage;
    int exit;
    std::size_t decision;
    Tensor features, kept, staying;
    std::int64_t bucket;
  };
  Tensor count_of(std::size_t decision) const { return answers_.view(2 * n_ + static_cast<std::int64_t>(decision), {1}); }
  void send(Pass& pass, Rows rows, bool into_buckets);
  void leave(const Rows& rows, const Tensor& logits, Tensor& kept, Tensor& staying);

  const Net& net_;
  Selection select_;
  ExitRule rule_;
  std::int64_t n_;
  std::vector<std::int64_t> buckets_;
  Tensor all_, n_on_device_;          // every sample, and how many there are
  Tensor answers_;                    // classes [n], exits [n], rows that stay behind each exit
  Tensor logits_;                     // [n, classes]; no tensor where nobody asked
  std::vector<Waiting> waiting_;
  bool launched_ = false;
};

}  // namespace pliant
