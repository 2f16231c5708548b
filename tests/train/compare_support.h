// A small experiment for the tests of comparisons: a ResNet of 4 to 8 channels on 8 x 8 synthetic images.
#pragma once

#include "train/compare/engine.h"
#include "train/compare/plans.h"

namespace pliant::test {

Splits compare_data(std::uint64_t seed);
NetDescription compare_net();
TrainConfig compare_config();

// Counts what the engine trains and asks for.
struct Watch {
  int data = 0;
  std::vector<std::string> lines;
  int steps_left = -1;  // asks to stop after so many questions; below 0: never
};
EngineOptions watched(const std::string& out, std::vector<std::uint64_t> seeds, Watch& watch);

}  // namespace pliant::test
