// A part of an image folder that is not kept in memory: its images are decoded from their files whenever they are needed, to the
// very bytes that reading the part at once gives. ImageStream (train/data/image_stream.h) does so ahead of time.
#pragma once

#include <memory>

#include "train/data/image_folder.h"

namespace pliant {

struct ImageFiles {
  std::shared_ptr<const ImageList> list;
  std::vector<std::int64_t> indices;  // image i of the part is image indices[i] of the list
  ImageShape shape;
  int resize = 0;                     // as in DataOptions
  int threads = 1;                    // that decode

  std::int64_t size() const { return static_cast<std::int64_t>(indices.size()); }
  std::int64_t image_bytes() const { return std::int64_t{shape.height} * shape.width * shape.channels; }
  // Writes image_bytes() bytes. DataError as of decode_image().
  void decode(std::int64_t index, std::uint8_t* to) const;
};

}  // namespace pliant
