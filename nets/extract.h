// A part of a net as a plain net of its own: one width, its batch-norm set, cut after one exit. It computes the same logits with the
// same operations, without packing.
#pragma once

#include "nets/net.h"

namespace pliant {

struct Extraction {
  int width = 0;            // row of the width table
  int exit = -1;            // the net ends there; -1: the last one
  bool keep_exits = false;  // exits before that one stay
};

// The structure alone. UsageError for an exit, ConfigError for a width that the net does not have.
NetDescription extracted_description(const Net& net, const Extraction& what);

// The net in the same context and dtype, with the masks of what is left. Further heads are numbered anew: where exit 3 alone is kept its
// layers "exit3.fc" become "exit0.fc". Frozen marks are not carried.
Net extract(const Net& net, const Extraction& what);

}  // namespace pliant
