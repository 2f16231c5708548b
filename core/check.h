// Errors: everything that a caller, a file or a device can get wrong is an exception of one of these types.
// PLIANT_INVARIANT is for our own broken promises only; it aborts.
#pragma once

#include <source_location>
#include <sstream>
#include <stdexcept>
#include <string>

namespace pliant {

struct Error : std::runtime_error {  // base class; the work failed
  using std::runtime_error::runtime_error;
};
struct UsageError : Error {  // an unknown name, flag or malformed value on the command line
  using Error::Error;
};
struct ConfigError : Error {  // values that are fine alone and cannot be built together
  using Error::Error;
};
struct ShapeError : Error {  // tensors that do not fit together: shape, dtype or context
  using Error::Error;
};
struct DataError : Error {  // a data set or an image is missing, corrupt or inconsistent
  using Error::Error;
};
struct FileError : Error {  // a checkpoint or tensor file is corrupt, truncated or of another net
  using Error::Error;
};
struct DeviceError : Error {  // a driver or a library failed; the Context is lost
  using Error::Error;
};
struct MemoryError : Error {  // no memory left on the host or the device
  using Error::Error;
};

// The parts written one after another, as operator<< writes them.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

[[noreturn]] void invariant_failed(const char* condition, const std::string& message,
                                   std::source_location where = std::source_location::current());

}  // namespace pliant

// Throws E with the parts joined as the message; the parts are evaluated on failure alone.
#define PLIANT_REQUIRE(E, condition, ...)                     \
  do {                                                        \
    if (!(condition)) throw E(::pliant::cat(__VA_ARGS__));    \
  } while (false)

// Aborts: Pliant itself is wrong. Never for something a caller can cause.
#define PLIANT_INVARIANT(condition, ...)                                                            \
  do {                                                                                              \
    if (!(condition)) ::pliant::invariant_failed(#condition, ::pliant::cat(__VA_ARGS__));           \
  } while (false)
