#include "train/data/fetch.h"

#if defined(PLIANT_WITH_CURL) && defined(PLIANT_WITH_ARCHIVE)
#include <archive.h>
#include <archive_entry.h>
#include <curl/curl.h>
#endif

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "core/check.h"
#include "train/data/bytes.h"
#include "train/data/md5.h"

namespace pliant {

namespace fs = std::filesystem;

#if defined(PLIANT_WITH_CURL) && defined(PLIANT_WITH_ARCHIVE)

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kLargest = std::size_t{1} << 30;  // bytes; what is published is far smaller
constexpr long kPatience = 30;                          // seconds without an answer, or with next to no data

struct Transfer {
  const std::string& file;
  const FetchOptions& options;
  Bytes bytes;
};

std::size_t receive(const char* data, std::size_t, std::size_t count, void* into) {
  Bytes& bytes = static_cast<Transfer*>(into)->bytes;
  if (bytes.size() + count > kLargest) return 0;
  bytes.insert(bytes.end(), data, data + count);
  return count;
}

int report(void* of, curl_off_t expected, curl_off_t arrived, curl_off_t, curl_off_t) {
  const auto& transfer = *static_cast<const Transfer*>(of);
  if (transfer.options.progress) transfer.options.progress(transfer.file, arrived, expected);
  return 0;
}

Bytes download(const std::string& address, const PublishedFile& file, const FetchOptions& options) {
  const std::string url = cat(address, "/", file.name);
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), curl_easy_cleanup);
  PLIANT_REQUIRE(Error, handle, "libcurl does not start");
  Transfer transfer{file.name, options, {}};
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_CONNECTTIMEOUT, kPatience);
  curl_easy_setopt(handle.get(), CURLOPT_LOW_SPEED_LIMIT, 1000L);
  curl_easy_setopt(handle.get(), CURLOPT_LOW_SPEED_TIME, kPatience);
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle.get(), CURLOPT_XFERINFOFUNCTION, report);
  curl_easy_setopt(handle.get(), CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(handle.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = curl_easy_perform(handle.get());
  PLIANT_REQUIRE(DataError, code == CURLE_OK, url, ": ", reason[0] ? reason : curl_easy_strerror(code), "; nothing was kept");
  const std::string sum = md5_hex(transfer.bytes);
  PLIANT_REQUIRE(DataError, sum == file.md5, url, ": MD5 ", sum, ", published is ", file.md5, "; nothing was kept, fetch it again");
  return std::move(transfer.bytes);
}

// Plain files below `inside`, which must be what their names begin with.
void unpack(const std::string& archive_name, const Bytes& packed, const std::string& inside, const fs::path& target) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  const auto require = [&](bool good) {
    const char* reason = archive_error_string(reader.get());
    PLIANT_REQUIRE(DataError, good, archive_name, ": not a readable archive (", reason ? reason : "unknown reason", ")");
  };
  require(archive_read_open_memory(reader.get(), packed.data(), packed.size()) == ARCHIVE_OK);
  std::int64_t files = 0;
  archive_entry* entry = nullptr;
  int code = ARCHIVE_OK;
  while ((code = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const fs::path name = fs::path(archive_entry_pathname(entry)).lexically_normal();
    PLIANT_REQUIRE(DataError, name.parent_path() == inside && name.has_filename(), archive_name, ": holds \"", name.string(),
                   "\", expected files in ", inside, " alone");
    Bytes bytes(static_cast<std::size_t>(archive_entry_size(entry)));
    PLIANT_REQUIRE(DataError, bytes.size() <= kLargest, archive_name, ": \"", name.string(), "\" is too large: ", bytes.size(), " bytes");
    const la_ssize_t read = archive_read_data(reader.get(), bytes.data(), bytes.size());
    require(read == static_cast<la_ssize_t>(bytes.size()));
    write_data_file(target / name.filename(), bytes);
    ++files;
  }
  require(code == ARCHIVE_EOF);
  PLIANT_REQUIRE(DataError, files > 0, archive_name, ": holds no files in ", inside);
}

// A folder beside the final one, gone again unless it was renamed.
struct Unfinished {
  fs::path path;
  ~Unfinished() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

}  // namespace

bool can_fetch() { return true; }

std::string fetch_data(const PublishedSet& set, const std::string& folder, const FetchOptions& options) {
  const fs::path final_path = fs::path(folder) / set.folder;
  std::error_code failed;
  PLIANT_REQUIRE(ConfigError, !fs::exists(final_path, failed), final_path.string(), ": exists already; remove it, or fetch into another folder");
  const Unfinished unfinished{fs::path(folder) / cat(set.folder, ".tmp-", ::getpid())};
  fs::create_directories(unfinished.path, failed);
  PLIANT_REQUIRE(Error, !failed, unfinished.path.string(), ": cannot be made: ", failed.message());
  for (const PublishedFile& file : set.files) {
    const Bytes bytes = download(options.address.empty() ? set.address : options.address, file, options);
    if (set.archived) {
      unpack(file.name, bytes, set.folder, unfinished.path);
    } else {
      write_data_file(unfinished.path / file.name, bytes);
    }
  }
  fs::rename(unfinished.path, final_path, failed);
  PLIANT_REQUIRE(Error, !failed, final_path.string(), ": cannot be made: ", failed.message());
  return final_path.string();
}

#else

bool can_fetch() { return false; }

std::string fetch_data(const PublishedSet& set, const std::string&, const FetchOptions&) {
  throw ConfigError(cat(set.name, ": this build cannot download: it was made without libcurl or libarchive; scripts/install_dependencies.sh installs "
                        "both, then build again, or fetch ", set.address, "/", set.files.front().name, " by other means"));
}

#endif

}  // namespace pliant
