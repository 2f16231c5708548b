// The samples that left at each exit as a sheet of pictures, easy to hard.
#pragma once

#include "train/data/dataset.h"
#include "train/early_exit/study.h"
#include "train/report/image_sheet.h"

namespace pliant {

// One row per exit for one row of a study: `columns` of the samples that left there, evenly spaced from the surest to the least
// sure by that exit's own score; all where they are fewer. `test` is the part that was measured.
std::vector<SheetRow> leaving_samples(const ExitStudy& study, std::size_t row, const Dataset& test, std::size_t columns = 24);

}  // namespace pliant
