// The devices that tests run on.
#pragma once

#include "layers/op_cases/contexts.h"

namespace pliant::test {

Context& cpu();  // shared by the tests of one process

}  // namespace pliant::test
