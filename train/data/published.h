// Data sets as their authors publish them: the files, their check sums, and where they are offered.
#pragma once

#include <string>
#include <vector>

namespace pliant {

struct PublishedFile {
  std::string name, md5;  // hexadecimal
};

struct PublishedSet {
  std::string name;                  // "cifar10"
  std::string address;               // of the folder that offers the files
  std::vector<PublishedFile> files;
  std::string folder;                // that holds the data afterwards: the one inside the archive, or the one the files are put into
  bool archived = false;             // files are .tar.gz archives that hold that folder
};

// CIFAR-10, CIFAR-100 and MNIST. MNIST's first address refuses programs; this is the mirror that PyTorch's authors keep.
const std::vector<PublishedSet>& published_sets();
// Throws UsageError listing the names there are.
const PublishedSet& published_set(const std::string& name);

}  // namespace pliant
