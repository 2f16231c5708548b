// The verbs of the program, one file each: add_<verb>() declares the verb's flags and, where the verb was given, sets what to
// run. A verb writes its results to stdout, everything else to stderr; it throws on failure and returns the exit code
// otherwise (0, or 130 where it was interrupted and saved its work).
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace pliant::cli {

using Verb = std::function<int()>;

void add_train(CLI::App& app, Verb& chosen);
void add_compare(CLI::App& app, Verb& chosen);
void add_eval(CLI::App& app, Verb& chosen);
void add_exits(CLI::App& app, Verb& chosen);
void add_info(CLI::App& app, Verb& chosen);
void add_init(CLI::App& app, Verb& chosen);
void add_import(CLI::App& app, Verb& chosen);
void add_forward(CLI::App& app, Verb& chosen);
void add_step(CLI::App& app, Verb& chosen);
void add_calibrate(CLI::App& app, Verb& chosen);
void add_latency(CLI::App& app, Verb& chosen);
void add_bench(CLI::App& app, Verb& chosen);
void add_cost(CLI::App& app, Verb& chosen);
void add_graph(CLI::App& app, Verb& chosen);
void add_sensitivity(CLI::App& app, Verb& chosen);
void add_prune(CLI::App& app, Verb& chosen);
void add_extract(CLI::App& app, Verb& chosen);
void add_fold(CLI::App& app, Verb& chosen);
void add_predict(CLI::App& app, Verb& chosen);
void add_data(CLI::App& app, Verb& chosen);
void add_plot(CLI::App& app, Verb& chosen);
void add_doctor(CLI::App& app, Verb& chosen);

}  // namespace pliant::cli
