#include "train/data/image_checks.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "core/check.h"
#include "train/data/bytes.h"

namespace pliant {
namespace {

using ByteView = std::span<const std::uint8_t>;

constexpr std::uint8_t kPngSignature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

bool is_png(ByteView bytes) { return bytes.size() >= 8 && std::equal(kPngSignature, kPngSignature + 8, bytes.begin()); }
bool is_jpeg(ByteView bytes) { return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF; }

// CRC-32 as in the PNG specification, annex D.
std::uint32_t crc32_of(ByteView bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t n = 0; n < 256; ++n) {
      std::uint32_t c = n;
      for (int k = 0; k < 8; ++k) c = (c & 1) ? 0xEDB88320u ^ (c >> 1) : c >> 1;
      t[n] = c;
    }
    return t;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const std::uint8_t byte : bytes) crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8);
  return crc ^ 0xFFFFFFFFu;
}

// Every chunk is whole and has the right check sum, up to IEND.
void check_png(const std::string& name, ByteView bytes) {
  for (std::size_t at = 8;;) {
    PLIANT_REQUIRE(DataError, bytes.size() - at >= 12, name, ": PNG ends after ", bytes.size(),
                   " bytes without its IEND chunk; the file is truncated");
    const std::size_t length = big_endian(bytes.data() + at);
    PLIANT_REQUIRE(DataError, bytes.size() - at - 12 >= length, name, ": PNG chunk at byte ", at, " needs ", length,
                   " bytes, but the file has ", bytes.size() - at - 12, " there; it is truncated or corrupt");
    const std::uint32_t expected = big_endian(bytes.data() + at + 8 + length);
    const std::uint32_t actual = crc32_of(bytes.subspan(at + 4, length + 4));
    PLIANT_REQUIRE(DataError, actual == expected, name, ": PNG chunk at byte ", at, " has check sum ", actual,
                   ", expected ", expected, "; the file is corrupt");
    if (std::equal(bytes.begin() + static_cast<std::ptrdiff_t>(at + 4),
                   bytes.begin() + static_cast<std::ptrdiff_t>(at + 8), "IEND")) {
      return;
    }
    at += 12 + length;
  }
}

// What the segments before a scan have defined. stb_image decodes with whatever its memory holds where a table is missing.
class JpegTables {
 public:
  explicit JpegTables(const std::string& name) : name_(name) {}

  // The segment at `at` with its marker; body is what follows its length.
  void take(int marker, std::size_t at, ByteView body) {
    switch (marker) {
      case 0xC0: case 0xC1: case 0xC2: return take_frame(marker == 0xC2, at, body);
      case 0xC4: return take_huffman(at, body);
      case 0xDA: return take_scan(at, body);
      case 0xDB: return take_quantisation(at, body);
      case 0xC8: case 0xCC: return;
      default:
        PLIANT_REQUIRE(DataError, marker < 0xC0 || marker > 0xCF, name_, ": JPEG frame at byte ", at,
                       " is neither baseline nor progressive Huffman coding, and no other is read");
    }
  }

  // The end marker at `at`. stb_image shows whatever its memory holds where a component was never decoded.
  void take_end(std::size_t at) const {
    for (const Component& component : components_) {
      PLIANT_REQUIRE(DataError, component.begun, name_, ": JPEG end marker at byte ", at, " comes before a scan of component ", component.id,
                     "; the file is corrupt");
    }
  }

 private:
  struct Component {
    int id, quantisation;
    bool begun = false;  // by a scan, of its DC coefficients at least
  };

  void require(bool condition, const char* what, std::size_t at, const char* why) const {
    PLIANT_REQUIRE(DataError, condition, name_, ": JPEG ", what, " at byte ", at, " ", why, "; the file is corrupt");
  }

  void take_frame(bool progressive, std::size_t at, ByteView body) {
    require(body.size() >= 6 && body.size() == 6 + 3 * std::size_t{body[5]}, "frame", at, "has another length than its components need");
    progressive_ = progressive;
    components_.clear();
    for (std::size_t i = 6; i < body.size(); i += 3) components_.push_back({body[i], body[i + 2]});
  }

  // A byte of class and number, 16 counts of codes by length, the symbols: a run of 0 to 15 and a size of 0 to 14, so 240 at most.
  // stb_image writes past its tables above 256, and counts on less than 256 short codes.
  void take_huffman(std::size_t at, ByteView body) {
    while (!body.empty()) {
      std::size_t codes = 0;
      for (std::size_t length = 1; length <= 16 && length < body.size(); ++length) codes += body[length];
      require(body.size() >= 17 && body.size() - 17 >= codes && codes <= 255, "Huffman tables", at, "do not fit their segment");
      require(body[0] >> 4 <= 1 && (body[0] & 15) <= 3, "Huffman tables", at, "have a class or number that there is none of");
      huffman_[body[0] >> 4][body[0] & 15] = true;
      body = body.subspan(17 + codes);
    }
  }

  // A byte of precision and number, 64 values of one byte or two.
  void take_quantisation(std::size_t at, ByteView body) {
    while (!body.empty()) {
      const std::size_t length = 1 + 64 * (body[0] >> 4 == 0 ? std::size_t{1} : 2);
      require(body[0] >> 4 <= 1 && (body[0] & 15) <= 3 && body.size() >= length, "quantisation tables", at, "do not fit their segment");
      quantisation_[body[0] & 15] = true;
      body = body.subspan(length);
    }
  }

  // A count, a component and its two Huffman tables for each, first and last coefficient, bits of successive approximation.
  void take_scan(std::size_t at, ByteView body) {
    require(!body.empty() && body.size() == 4 + 2 * std::size_t{body[0]}, "scan", at, "has another length than its components need");
    const int first = body[body.size() - 3], refines = body[body.size() - 1] >> 4;
    const bool needs_dc = !progressive_ || (first == 0 && refines == 0), needs_ac = !progressive_ || first > 0;
    for (std::size_t i = 1; i + 3 < body.size(); i += 2) {
      const auto component = std::find_if(components_.begin(), components_.end(), [&](const Component& c) { return c.id == body[i]; });
      require(component != components_.end(), "scan", at, "has a component that no frame before it has");
      require(needs_dc || component->begun, "scan", at, "refines a component that has no first scan");
      component->begun = true;
      const int dc = body[i + 1] >> 4, ac = body[i + 1] & 15;
      require(component->quantisation <= 3 && quantisation_[component->quantisation], "scan", at, "needs a quantisation table that is not there");
      require(!needs_dc || (dc <= 3 && huffman_[0][dc]), "scan", at, "needs a Huffman table of class 0 that is not there");
      require(!needs_ac || (ac <= 3 && huffman_[1][ac]), "scan", at, "needs a Huffman table of class 1 that is not there");
    }
  }

  const std::string& name_;
  bool huffman_[2][4] = {}, quantisation_[4] = {}, progressive_ = false;
  std::vector<Component> components_;
};

// The first position from `at` on of a marker that ends entropy-coded data: not a stuffed zero, a restart or a fill
// byte.
std::size_t next_marker(ByteView bytes, std::size_t at) {
  for (; at + 1 < bytes.size(); ++at) {
    const int next = bytes[at + 1];
    if (bytes[at] == 0xFF && next != 0 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return at;
  }
  return bytes.size();
}

// Walks the segments and scans to the end-of-image marker.
void check_jpeg(const std::string& name, ByteView bytes) {
  constexpr int kEndOfImage = 0xD9, kStartOfScan = 0xDA;
  JpegTables tables(name);
  for (std::size_t at = 2;;) {
    while (at + 1 < bytes.size() && bytes[at] == 0xFF && bytes[at + 1] == 0xFF) ++at;  // fill bytes
    const bool here = at + 2 <= bytes.size();
    if (here && bytes[at] == 0xFF && bytes[at + 1] == kEndOfImage) return tables.take_end(at);
    PLIANT_REQUIRE(DataError, !here || bytes[at] == 0xFF, name, ": byte ", at, " is ", int{bytes[at]},
                   ", expected a JPEG marker (255); the file is corrupt");
    const std::size_t length = at + 4 <= bytes.size() ? std::size_t{bytes[at + 2]} << 8 | bytes[at + 3] : 0;
    PLIANT_REQUIRE(DataError, at + 4 <= bytes.size() && at + 2 + length <= bytes.size(), name, ": JPEG ends after ",
                   bytes.size(), " bytes without its end marker; the file is truncated");
    PLIANT_REQUIRE(DataError, length >= 2, name, ": JPEG segment at byte ", at, " has length ", length,
                   ", expected at least 2; the file is corrupt");
    const int marker = bytes[at + 1];
    tables.take(marker, at, bytes.subspan(at + 4, length - 2));
    at += 2 + length;
    if (marker == kStartOfScan) at = next_marker(bytes, at);
  }
}

}  // namespace

void check_image(const std::string& name, ByteView bytes) {
  PLIANT_REQUIRE(DataError, !bytes.empty(), name, ": empty, expected a PNG or JPEG image");
  if (is_png(bytes)) return check_png(name, bytes);
  if (is_jpeg(bytes)) return check_jpeg(name, bytes);
  throw DataError(cat(name, ": neither PNG nor JPEG by its first bytes; the file is corrupt or of another format"));
}

// A header may promise a billion pixels in a hundred bytes, and the decoder would fill them. Deflate (PNG) expands 1032 times at most, with
// eight pixels a byte; JPEG spends a bit or more on each block of 64 pixels.
void require_possible_size(const std::string& name, ByteView bytes, int height, int width) {
  constexpr std::int64_t kMostPngPixels = 8 * 1032, kMostJpegPixels = 8 * 64;  // per byte
  const std::int64_t most = (is_png(bytes) ? kMostPngPixels : kMostJpegPixels) * static_cast<std::int64_t>(bytes.size());
  PLIANT_REQUIRE(DataError, std::int64_t{height} * width <= most, name, ": promises ", height, " x ", width, " pixels in ", bytes.size(),
                 " bytes, which hold ", most, " at most; the file is corrupt");
}

}  // namespace pliant
