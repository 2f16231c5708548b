#include "train/files/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "core/check.h"
#include "train/files/text.h"

namespace pliant {
namespace {

// Accepts exactly {"name": {"dtype": "F32", "shape": [..], "data_offsets": [b, e]}, ..., "__metadata__": {"k": "v"}}.
// Anything else ends the parse at its first token, so that neither nesting nor an unexpected value costs memory.
class HeaderHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderHandler(const std::string& path) : path_(path) {}
  std::vector<SafetensorsSlot> slots;
  std::map<std::string, std::string> metadata;

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_integer(number_integer_t value) override { unexpected(cat("the number ", value)); }
  bool number_float(number_float_t, const string_t& text) override { unexpected(cat("the number ", in_quotes(text))); }
  bool binary(binary_t&) override { unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (at_ == Place::shape) {
      require(value <= static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()), "dimension ", value,
              " is too large");
      slots.back().entry.shape.push_back(static_cast<std::int64_t>(value));
    } else if (at_ == Place::offsets) {
      offsets_.push_back(value);
      require(offsets_.size() <= 2, "data_offsets must be [begin, end], got more than two numbers");
    } else {
      unexpected(cat("the number ", value));
    }
    return true;
  }

  bool string(string_t& value) override {
    if (at_ == Place::dtype_value) {
      require(safetensors_dtype_bytes(value) > 0, "unknown dtype ", in_quotes(value), ", expected one of ",
              safetensors_dtype_list());
      slots.back().entry.dtype = std::move(value);
      at_ = Place::tensor;
    } else if (at_ == Place::metadata_value) {
      metadata[key_] = std::move(value);
      at_ = Place::metadata;
    } else {
      unexpected(cat("the string ", in_quotes(value)));
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (at_ == Place::start) {
      at_ = Place::top;
    } else if (at_ == Place::top_value && key_ == "__metadata__") {
      at_ = Place::metadata;
    } else if (at_ == Place::top_value) {
      at_ = Place::tensor;
      slots.emplace_back().entry.name = key_;
      fields_.clear();
      offsets_.clear();
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool end_object() override {
    if (at_ == Place::tensor) {
      for (const char* field : {"dtype", "shape", "data_offsets"}) {
        require(fields_.contains(field), "has no ", field);
      }
      slots.back().begin = offsets_[0];
      slots.back().end = offsets_[1];
      tensor_known_ = false;
    }
    at_ = at_ == Place::top ? Place::done : Place::top;
    return true;
  }

  bool key(string_t& name) override {
    if (at_ == Place::top) {
      PLIANT_REQUIRE(FileError, names_.insert(name).second, path_, ": the name ", in_quotes(name),
                     " appears twice in the header");
      tensor_known_ = name != "__metadata__";
      at_ = Place::top_value;
      key_ = std::move(name);
    } else if (at_ == Place::metadata) {
      PLIANT_REQUIRE(FileError, !metadata.contains(name), path_, ": the metadata key ", in_quotes(name),
                     " appears twice");
      at_ = Place::metadata_value;
      key_ = std::move(name);
    } else {
      field(name);
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (at_ != Place::shape_value && at_ != Place::offsets_value) unexpected("an array");
    at_ = at_ == Place::shape_value ? Place::shape : Place::offsets;
    return true;
  }

  bool end_array() override {
    require(at_ != Place::offsets || offsets_.size() == 2, "data_offsets must be [begin, end], got ", offsets_.size(),
            " numbers");
    at_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    throw FileError(
        cat(path_, ": the header is no valid JSON near byte ", position, ": ", in_quotes(error.what(), 160)));
  }

 private:
  enum class Place {
    start, top, top_value, tensor, dtype_value, shape_value, shape, offsets_value, offsets, metadata, metadata_value,
    done
  };

  void field(const std::string& name) {
    require(name == "dtype" || name == "shape" || name == "data_offsets", "unknown field ", in_quotes(name),
            ", expected dtype, shape and data_offsets");
    require(fields_.insert(name).second, "field ", name, " appears twice");
    at_ = name == "dtype" ? Place::dtype_value : name == "shape" ? Place::shape_value : Place::offsets_value;
  }

  static const char* expected(Place place) {
    switch (place) {
      case Place::top_value: return "an object";
      case Place::dtype_value: return "a string as dtype";
      case Place::shape_value: return "an array as shape";
      case Place::shape: return "non-negative integers in shape";
      case Place::offsets_value: return "an array as data_offsets";
      case Place::offsets: return "non-negative integers in data_offsets";
      case Place::metadata_value: return "a string as metadata";
      default: return "an object of tensors";
    }
  }

  [[noreturn]] void unexpected(const std::string& got) const {
    throw FileError(cat(path_, ": ", place_text(), "expected ", expected(at_), ", got ", got));
  }

  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    PLIANT_REQUIRE(FileError, condition, path_, ": ", place_text(), parts...);
  }

  std::string place_text() const {
    if (tensor_known_) return cat("tensor ", in_quotes(at_ == Place::top_value ? key_ : slots.back().entry.name), ": ");
    return at_ == Place::metadata_value ? cat("metadata ", in_quotes(key_), ": ") : std::string("header: ");
  }

  const std::string& path_;
  Place at_ = Place::start;
  bool tensor_known_ = false;
  std::string key_;
  std::set<std::string> names_;
  std::set<std::string> fields_;
  std::vector<std::uint64_t> offsets_;
};

void check_slot(const std::string& path, const SafetensorsSlot& slot, std::uint64_t data_bytes) {
  const TensorEntry& entry = slot.entry;
  const std::string where = cat(path, ": tensor ", in_quotes(entry.name), ": ");
  PLIANT_REQUIRE(FileError, slot.begin <= slot.end, where, "data_offsets [", slot.begin, ", ", slot.end,
                 "] end before they begin");
  PLIANT_REQUIRE(FileError, slot.end <= data_bytes, where, "data_offsets [", slot.begin, ", ", slot.end,
                 "] lie outside the file, which has ", data_bytes, " bytes of data (truncated or corrupt)");
  std::uint64_t expected = 0;
  PLIANT_REQUIRE(FileError, shape_bytes(entry.shape, safetensors_dtype_bytes(entry.dtype), expected), where, "shape ",
                 shape_text(entry.shape), " is too large");
  PLIANT_REQUIRE(FileError, slot.end - slot.begin == expected, where, "shape ", shape_text(entry.shape), " of ",
                 entry.dtype, " needs ", expected, " bytes, data_offsets [", slot.begin, ", ", slot.end, "] give ",
                 slot.end - slot.begin);
}

void check_cover(const std::string& path, const std::vector<SafetensorsSlot>& slots, std::uint64_t data_bytes) {
  std::uint64_t covered = 0;
  for (const SafetensorsSlot& slot : slots) {
    PLIANT_REQUIRE(FileError, slot.begin == covered, path, ": tensor ", in_quotes(slot.entry.name), ": begins at byte ",
                   slot.begin, " of the data, expected ", covered,
                   slot.begin < covered ? " (it overlaps another tensor)" : " (bytes that no tensor owns)");
    covered = slot.end;
  }
  PLIANT_REQUIRE(FileError, covered == data_bytes, path, ": the tensors own ", covered, " bytes of data, the file has ",
                 data_bytes, " (trailing bytes)");
}

}  // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < std::min<std::size_t>(shape.size(), 8); ++i) out += cat(i ? ", " : "", shape[i]);
  return out + (shape.size() > 8 ? cat(", ... ", shape.size(), " dimensions]") : std::string("]"));
}

bool shape_bytes(const std::vector<std::int64_t>& shape, std::size_t bytes, std::uint64_t& total) {
  std::int64_t product = static_cast<std::int64_t>(bytes);
  bool empty = false;
  for (const std::int64_t size : shape) {
    empty = empty || size == 0;
    // Empty dimensions count as one: later code may multiply the others alone.
    if (__builtin_mul_overflow(product, std::max<std::int64_t>(size, 1), &product)) return false;
  }
  total = empty ? 0 : static_cast<std::uint64_t>(product);
  return true;
}

SafetensorsHeader parse_safetensors_header(const std::string& path, std::string_view json, std::uint64_t data_bytes) {
  PLIANT_REQUIRE(FileError, !json.empty() && json.front() == '{', path,
                 ": the header does not begin with '{' (not a safetensors file)");
  // The parser would take a zero byte for the end of the text.
  PLIANT_REQUIRE(FileError, json.find('\0') == std::string_view::npos, path, ": the header contains a zero byte");
  HeaderHandler handler(path);
  nlohmann::json::sax_parse(json.begin(), json.end(), &handler);
  SafetensorsHeader header{std::move(handler.slots), std::move(handler.metadata)};
  for (const SafetensorsSlot& slot : header.slots) check_slot(path, slot, data_bytes);
  std::sort(header.slots.begin(), header.slots.end(), [](const SafetensorsSlot& a, const SafetensorsSlot& b) {
    return std::tie(a.begin, a.end, a.entry.name) < std::tie(b.begin, b.end, b.entry.name);
  });
  check_cover(path, header.slots, data_bytes);
  return header;
}

}  // namespace pliant
