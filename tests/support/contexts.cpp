#include "tests/support/contexts.h"

namespace pliant::test {

Context& cpu() {
  static Context context(Device::cpu);
  return context;
}

}  // namespace pliant::test
