// Downloads published data sets (libcurl), checks them and unpacks archives (libarchive). What does not have the published check sum
// is not kept, and a data set appears whole or not at all. A build without these libraries refuses with what to install.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "train/data/published.h"

namespace pliant {

bool can_fetch();  // whether this build has the libraries

struct FetchOptions {
  std::string address;  // of a folder with the same files, such as a mirror; empty: the published one
  // Bytes that have arrived and those expected, 0 where the server does not say.
  std::function<void(const std::string& file, std::int64_t arrived, std::int64_t expected)> progress;
};

// Makes folder / set.folder and returns its path. ConfigError where that exists already, or in a build without the libraries; DataError for
// an address that does not answer, a wrong check sum or a damaged archive; Error where the folder cannot be written.
std::string fetch_data(const PublishedSet& set, const std::string& folder, const FetchOptions& options);

}  // namespace pliant
