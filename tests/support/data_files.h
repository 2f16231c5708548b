// Small data sets in their file formats, for the tests of the readers. Every pixel is a function of the image's number
// and its place, so that a reader that mixes up planes, rows or samples is caught.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "train/data/dataset.h"

namespace pliant::test {

std::uint8_t test_pixel(std::int64_t image, int y, int x, int c);

// Whether image index of data holds the pixels of image number.
bool holds_image(const Dataset& data, std::int64_t index, std::int64_t number);

// CIFAR records of the images first, first + 1, ...: class = number mod classes; 100 classes: a coarse label (class /
// 5) before it.
std::vector<std::uint8_t> cifar_records(std::int64_t first, std::int64_t records, int classes);

// data_batch_1..5.bin with images 0 to 5 * per_batch - 1, test_batch.bin with the per_batch after them; no names.
void write_cifar10_files(const TemporaryFolder& folder, std::int64_t per_batch);

// An IDX file: the sizes' header, magic 0x800 + their number, then the content.
std::vector<std::uint8_t> idx_file(const std::vector<std::uint32_t>& sizes, const std::vector<std::uint8_t>& content);

// The four MNIST files: image i is of class i mod 10, the test images are numbered after the training images.
void write_mnist_files(const TemporaryFolder& folder, int train, int test, int side);

// train/ and test/ with <class>/<number>.png, per_class images of each class, numbered on from class to class and part
// to part.
void write_image_folder(const TemporaryFolder& folder, const std::vector<std::string>& classes, int per_class,
                        int height, int width, int channels);

// load_data without a validation part.
Splits load_whole(const std::string& source);

// The message of the DataError (data_error) or ConfigError that loading throws; "no error" if it throws none.
std::string data_error(const DataOptions& options);
std::string data_error(const std::string& source);
std::string config_error(const DataOptions& options);

}  // namespace pliant::test
