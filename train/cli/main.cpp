// The program: declares all verbs, runs the chosen one, and turns whatever it throws into one line and an exit code.
#include <CLI/CLI.hpp>
#include <iostream>
#include <new>
#include <string>

#include "core/check.h"
#include "train/cli/verbs.h"
#include "train/version.h"

namespace pliant::cli {

namespace {

constexpr const char* kFooter =
    "Results go to stdout, progress and errors to stderr. `pliant VERB --help` lists a verb's flags.\n"
    "Exit codes: 0 done; 1 the work failed; 2 usage; 3 a configuration that cannot be built; 4 data; 5 device;\n"
    "6 memory; 7 an incompatible or damaged file; 130 interrupted.";

void add_verbs(CLI::App& app, Verb& chosen) {
  add_train(app, chosen);
  add_compare(app, chosen);
  add_eval(app, chosen);
  add_exits(app, chosen);
  add_info(app, chosen);
  add_init(app, chosen);
  add_import(app, chosen);
  add_calibrate(app, chosen);
  add_latency(app, chosen);
  add_bench(app, chosen);
  add_cost(app, chosen);
  add_graph(app, chosen);
  add_sensitivity(app, chosen);
  add_prune(app, chosen);
  add_extract(app, chosen);
  add_fold(app, chosen);
  add_predict(app, chosen);
  add_forward(app, chosen);
  add_step(app, chosen);
  add_data(app, chosen);
  add_plot(app, chosen);
  add_doctor(app, chosen);
}

int report(int code, std::string message) {
  for (char& letter : message) {
    if (letter == '\n' || letter == '\r') letter = ' ';
  }
  std::cerr << "pliant: error: " << message << std::endl;
  return code;
}

// A first word that is no verb; CLI11 would only say that some verb is missing.
void require_verb(const CLI::App& app, int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (first.starts_with("-")) return;
  std::string verbs;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) {
    if (verb->get_name() == first) return;
    verbs += " " + verb->get_name();
  }
  PLIANT_REQUIRE(UsageError, !first.empty(), "no verb was given; the verbs are", verbs);
  throw UsageError("there is no verb \"" + first + "\"; the verbs are" + verbs);
}

int run(int argc, char** argv) {
  CLI::App app{"Pliant trains convolutional networks whose structure changes.", "pliant"};
  app.set_version_flag("--version", std::string("pliant ") + program_version());
  app.require_subcommand(1);
  app.footer(kFooter);
  Verb chosen;
  add_verbs(app, chosen);
  require_verb(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error, std::cout, std::cerr);  // help, version
    throw UsageError(std::string(error.what()) + " (see pliant --help)");
  }
  const int code = chosen();
  std::cout.flush();
  PLIANT_REQUIRE(Error, std::cout.good(), "the results could not be written to standard output");
  return code;
}

int run_and_report(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const UsageError& error) {
    return report(2, error.what());
  } catch (const ConfigError& error) {
    return report(3, error.what());
  } catch (const DataError& error) {
    return report(4, error.what());
  } catch (const DeviceError& error) {
    return report(5, error.what());
  } catch (const MemoryError& error) {
    return report(6, error.what());
  } catch (const std::bad_alloc&) {
    return report(6, "no memory left on the host; a smaller --batch needs less");
  } catch (const FileError& error) {
    return report(7, error.what());
  } catch (const std::exception& error) {
    return report(1, error.what());
  }
}

}  // namespace

}  // namespace pliant::cli

int main(int argc, char** argv) { return pliant::cli::run_and_report(argc, argv); }
