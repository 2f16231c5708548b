#include "train/data/published.h"

#include "core/check.h"

namespace pliant {

const std::vector<PublishedSet>& published_sets() {
  static const std::vector<PublishedSet> sets = {
      {.name = "cifar10",
       .address = "https://www.cs.toronto.edu/~kriz",
       .files = {{"cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"}},
       .folder = "cifar-10-batches-bin",
       .archived = true},
      {.name = "cifar100",
       .address = "https://www.cs.toronto.edu/~kriz",
       .files = {{"cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"}},
       .folder = "cifar-100-binary",
       .archived = true},
      {.name = "mnist",
       .address = "https://ossci-datasets.s3.amazonaws.com/mnist",
       .files = {{"train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
                 {"train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"},
                 {"t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"},
                 {"t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"}},
       .folder = "mnist"}};
  return sets;
}

const PublishedSet& published_set(const std::string& name) {
  std::string names;
  for (const PublishedSet& set : published_sets()) {
    if (set.name == name) return set;
    names += " " + set.name;
  }
  throw UsageError(cat("\"", name, "\" is no published data set that Pliant knows; they are", names));
}

}  // namespace pliant
