#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/check.h"
#include "nets/json.h"
#include "train/bench/timed_ops.h"
#include "train/cli/common.h"
#include "train/cli/verbs.h"
#include "train/report/table.h"

namespace pliant::cli {

namespace {

struct BenchFlags {
  std::string filter, shape, dtype = "f32";
  SamplingOptions sampling;
  DeviceOptions device;
  bool list = false, json = false;
};

struct Row {
  std::string operation, sizes, pass;
  CallTime time;
  CallRates rates;
};

DType compute_type(const std::string& name) { return name == "bf16" ? DType::bf16 : name == "f16" ? DType::f16 : DType::f32; }

std::vector<OpFamily> filtered(const std::string& filter) {
  std::vector<OpFamily> families = op_families();
  std::string names;
  for (const OpFamily& family : families) names += cat(names.empty() ? "" : "; ", family.name);
  std::erase_if(families, [&](const OpFamily& family) { return family.name.find(filter) == std::string::npos; });
  PLIANT_REQUIRE(UsageError, !families.empty(), "--filter \"", filter, "\" is part of no operation's name; there are: ", names);
  return families;
}

// The sizes to time of each operation; families that cannot take --shape or --dtype are left out, which stderr says.
struct Job {
  OpFamily family;
  Sizes sizes;
};
std::vector<Job> jobs_of(const BenchFlags& flags) {
  const std::optional<Sizes> given = flags.shape.empty() ? std::nullopt : std::optional(parse_sizes(flags.shape));
  std::vector<Job> jobs;
  std::string other_forms, other_types;
  for (const OpFamily& family : filtered(flags.filter)) {
    if (given && !fits(family, *given)) {
      other_forms += cat(other_forms.empty() ? "" : "; ", family.name, " (", family.form, ")");
      continue;
    }
    for (const Sizes& sizes : given ? std::vector<Sizes>{*given} : family.sizes) {
      try {
        if (meets(family, sizes, compute_type(flags.dtype))) {
          jobs.push_back({family, sizes});
        } else if (other_types.find(family.name) == std::string::npos) {
          other_types += cat(other_types.empty() ? "" : "; ", family.name);
        }
      } catch (const ShapeError& error) {
        throw UsageError(cat("--shape ", flags.shape, ": ", family.name, " (", family.form, "): ", error.what()));
      }
    }
  }
  PLIANT_REQUIRE(UsageError, !jobs.empty() || !other_types.empty(), "--shape ", flags.shape, " has ", given ? given->size() : 0,
                 " numbers; expected: ", other_forms);
  PLIANT_REQUIRE(UsageError, !jobs.empty(), "--dtype ", flags.dtype, ": not computed in it: ", other_types);
  if (!other_forms.empty()) std::cerr << "left out, as they take another shape: " << other_forms << "\n";
  if (!other_types.empty()) std::cerr << "left out, as they are not computed in " << flags.dtype << ": " << other_types << "\n";
  return jobs;
}

int list(const BenchFlags& flags) {
  Table table({{"operation"}, {"shape"}, {"default"}, {"passes"}});
  for (const OpFamily& family : filtered(flags.filter)) {
    std::string sizes, passes;
    for (const Sizes& one : family.sizes) sizes += cat(sizes.empty() ? "" : " ", text_of(one));
    for (const std::string& pass : passes_of(family)) passes += cat(passes.empty() ? "" : " ", pass);
    table.add_row({family.name, family.form, sizes, passes});
  }
  std::cout << (flags.json ? table.json() + "\n" : table.text());
  return 0;
}

std::vector<Row> measured(Context& context, const std::vector<Job>& jobs, const BenchFlags& flags, MachineRates& machine) {
  std::vector<Row> rows;
  for (const auto& [family, sizes] : jobs) {
    for (const TimedCall& call : timed_calls(context, compute_type(flags.dtype), family, sizes)) {
      if (call.flops > 0.0) machine.product = product_rate(context);
      if (call.flops == 0.0 && call.bytes > 0.0) machine.copy = copy_rate(context, bytes_beyond_caches(context), {.seconds = 0.6});
      const CallTime time = time_call(context, call.run, flags.sampling);
      rows.push_back({family.name, text_of(sizes), call.pass, time, rates_of(call, time.seconds, machine)});
    }
  }
  return rows;
}

std::optional<double> giga(std::optional<double> rate) { return rate ? std::optional(1e-9 * *rate) : std::nullopt; }

Table table_of(const std::vector<Row>& rows) {
  using Format = Table::Format;
  Table table({{"operation"},
               {"shape"},
               {"pass"},
               {"median_ms", Format::milliseconds},
               {"gbytes_per_s", Format::number},
               {"of_copy", Format::percent},
               {"gflops_per_s", Format::number},
               {"of_product", Format::percent},
               {"quiet", Format::integer},
               {"samples", Format::integer}});
  for (const auto& [operation, sizes, pass, time, rates] : rows) {
    table.add_row({operation, sizes, pass, 1e3 * time.seconds, giga(rates.bytes_per_s), rates.of_copy, giga(rates.flops_per_s), rates.of_product,
                   time.quiet, time.samples});
  }
  return table;
}

int run_bench(const BenchFlags& flags) {
  if (flags.list) return list(flags);
  const std::vector<Job> jobs = jobs_of(flags);
  const auto context = make_context(flags.device);
  PLIANT_REQUIRE(DeviceError, context->device() != Device::emulated, "device emulated cannot be timed: what it takes says nothing about a card");
  MachineRates machine;
  const Table table = table_of(measured(*context, jobs, flags, machine));
  if (flags.json) {
    nlohmann::ordered_json json{{"device", name_of(context->device())}, {"threads", context->threads()}, {"dtype", flags.dtype}};
    if (machine.copy > 0.0) json["copy_gbytes_per_s"] = 1e-9 * machine.copy;
    if (machine.product > 0.0) json["product_gflops_per_s"] = 1e-9 * machine.product;
    json["rows"] = nlohmann::ordered_json::parse(table.json());
    std::cout << json_text(json) << "\n";
    return 0;
  }
  std::cout << table.text() << "\n";
  if (machine.copy > 0.0) std::cout << "copy: " << 1e-9 * machine.copy << " GB/s, of " << bytes_beyond_caches(*context) / 0x1p20 << " MiB\n";
  if (machine.product > 0.0) std::cout << "product: " << 1e-9 * machine.product << " GFLOP/s, in f32\n";
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* verb = app.add_subcommand("bench", "Time operations, beside a copy and a matrix product of the same run");
  verb->add_option("--filter", flags->filter, "operations whose name contains this (default: all)")->type_name("TEXT");
  verb->add_option("--shape", flags->shape, "sizes such as 128x32x32x64, instead of an operation's own")->type_name("SHAPE");
  verb->add_option("--dtype", flags->dtype, "what activations and filters are stored in")->check(CLI::IsMember({"f32", "bf16", "f16"}))->capture_default_str();
  verb->add_option("--seconds", flags->sampling.seconds, "time to sample each call for")->check(above_zero)->capture_default_str();
  verb->add_flag("--list", flags->list, "name the operations with their shapes instead of timing them");
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_bench(*flags); }; });
}

}  // namespace pliant::cli
