// The folder of a run (--out): names of its files, and config.json and env.json, which say what was run and where.
// Checkpoints and metrics are written by their own code under the names given here.
#pragma once

#include <map>
#include <string>

namespace pliant {

class RunFolder {
 public:
  // Creates the folder with its parents if need be, and checks that it can be written before any work is done.
  // ConfigError if it is a file, or holds anything and resume is false; Error (exit code 1) if it cannot be written.
  RunFolder(const std::string& path, bool resume);

  const std::string& path() const { return path_; }
  std::string last_checkpoint() const { return file("last.safetensors"); }
  std::string best_checkpoint() const { return file("best.safetensors"); }
  std::string metrics() const { return file("metrics.csv"); }
  std::string config() const { return file("config.json"); }
  std::string environment() const { return file("env.json"); }
  std::string file(const std::string& name) const;

  // config.json: the text of a JSON object, indented. ConfigError if it is none. Error if it cannot be written.
  void write_config(const std::string& json_object) const;

  // env.json: host_environment() and the pairs given, which win.
  void write_environment(const std::map<std::string, std::string>& more) const;

 private:
  std::string path_;
};

// What every run records: compiler, build, processor, logical cores, operating system, date (UTC). The caller adds the
// program's version, device, threads and library versions.
std::map<std::string, std::string> host_environment();

}  // namespace pliant
