#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "core/check.h"
#include "train/files/text.h"
#include "train/schedule.h"

namespace pliant {
namespace {

constexpr double kMany = 1e9;
constexpr double kTiny = std::numeric_limits<double>::min();  // above zero

struct Number {
  const char* key;
  double Schedule::*member;
  double low, high;
  bool whole = false;
};

constexpr std::array kWarmup{Number{"warmup", &Schedule::warmup, 0, kMany},
                             Number{"warmup_start", &Schedule::warmup_start, 0, 1}};

struct Kind {
  const char* name;
  ScheduleKind kind;
  std::vector<Number> numbers;
  const char* word_key = nullptr;  // one choice between two words
  bool Schedule::*word = nullptr;
  std::array<const char*, 2> words{};  // for false and true
};

const std::vector<Kind>& kinds() {
  static const Number gamma{"gamma", &Schedule::gamma, kTiny, 1};
  static const Number minimum{"minimum", &Schedule::minimum, 0, kMany};
  static const std::vector<Kind> table{
      {"constant", ScheduleKind::constant, {}},
      {"step", ScheduleKind::step, {{"size", &Schedule::size, kTiny, kMany}, gamma}},
      {"multi-step", ScheduleKind::multi_step, {gamma}},
      {"exponential", ScheduleKind::exponential, {gamma}},
      {"cosine", ScheduleKind::cosine, {minimum}},
      {"linear", ScheduleKind::linear, {{"end_factor", &Schedule::end_factor, 0, 1}}},
      {"one-cycle",
       ScheduleKind::one_cycle,
       {{"pct_start", &Schedule::pct_start, 0, 1},
        {"div_factor", &Schedule::div_factor, 1, kMany},
        {"final_div_factor", &Schedule::final_div_factor, 1, kMany}},
       "anneal",
       &Schedule::linear_anneal,
       {"cosine", "linear"}},
      {"plateau",
       ScheduleKind::plateau,
       {{"factor", &Schedule::factor, kTiny, 1},
        {"patience", &Schedule::patience, 0, kMany, true},
        {"threshold", &Schedule::threshold, 0, 1},
        {"cooldown", &Schedule::cooldown, 0, kMany, true},
        minimum},
       "watch",
       &Schedule::watch_accuracy,
       {"loss", "accuracy"}},
  };
  return table;
}

const Kind& kind_named(std::string_view name) {
  std::string allowed;
  for (const Kind& kind : kinds()) {
    if (kind.name == name) return kind;
    allowed += cat(allowed.empty() ? "" : ", ", kind.name);
  }
  throw UsageError(cat("--schedule ", in_quotes(name), ": unknown schedule, expected one of ", allowed));
}

std::string keys_of(const Kind& kind) {
  std::string keys;
  if (kind.kind == ScheduleKind::multi_step) keys += "milestones, ";
  for (const Number& number : kind.numbers) keys += cat(number.key, ", ");
  if (kind.word) keys += cat(kind.word_key, ", ");
  return keys + "warmup, warmup_start";
}

// One "key=value"; later values of a list come alone.
class Parser {
 public:
  Parser(std::string_view text, const Kind& kind) : text_(text), kind_(kind) {
    schedule_.kind = kind.kind;
    if (kind.kind == ScheduleKind::exponential) schedule_.gamma = 0.95;
  }

  void token(std::string_view token) {
    const std::size_t equals = token.find('=');
    if (equals == std::string_view::npos) {
      require(last_key_ == "milestones", token, cat("expected key=value with one of the keys ", keys_of(kind_)));
      schedule_.milestones.push_back(milestone(token));
      return;
    }
    last_key_ = token.substr(0, equals);
    require(seen_.insert(last_key_).second, token, "the key is given twice");
    set(token, token.substr(equals + 1));
  }

  Schedule result() const {
    const auto& milestones = schedule_.milestones;
    const auto later = [](const Milestone& a, const Milestone& b) {
      return a.percent == b.percent && a.value >= b.value;
    };
    require(std::adjacent_find(milestones.begin(), milestones.end(), later) == milestones.end(), "milestones",
            "they must increase");
    return schedule_;
  }

 private:
  void set(std::string_view token, std::string_view value) {
    if (kind_.kind == ScheduleKind::multi_step && last_key_ == "milestones") {
      schedule_.milestones = {milestone(value)};
      return;
    }
    if (kind_.word && last_key_ == kind_.word_key) {
      require(value == kind_.words[0] || value == kind_.words[1], token,
              cat("expected ", kind_.words[0], " or ", kind_.words[1]));
      schedule_.*kind_.word = value == kind_.words[1];
      return;
    }
    for (const Number& number : kind_.numbers) {
      if (last_key_ == number.key) return set_number(number, token, value);
    }
    for (const Number& number : kWarmup) {
      if (last_key_ == number.key) return set_number(number, token, value);
    }
    require(false, token, cat(kind_.name, " has no such key, expected one of ", keys_of(kind_)));
  }

  void set_number(const Number& number, std::string_view token, std::string_view value) {
    const auto parsed = parse_number<double>(value);
    const std::string range =
        cat("expected a ", number.whole ? "whole " : "", "number ",
            number.low == kTiny ? std::string("above 0") : cat("from ", number.low), " to ", number.high);
    require(parsed && *parsed >= number.low && *parsed <= number.high, token, range);
    require(!number.whole || *parsed == std::floor(*parsed), token, range);
    schedule_.*number.member = *parsed;
  }

  Milestone milestone(std::string_view value) const {
    const bool percent = value.ends_with('%');
    const auto parsed = parse_number<double>(percent ? value.substr(0, value.size() - 1) : value);
    require(parsed && *parsed > 0 && *parsed <= (percent ? 100 : kMany), value,
            "expected a milestone above 0, in epochs (80) or percent of all epochs (50%)");
    return {*parsed, percent};
  }

  void require(bool condition, std::string_view part, const std::string& reason) const {
    PLIANT_REQUIRE(UsageError, condition, "--schedule ", in_quotes(text_, 200), ": ", in_quotes(part), ": ", reason);
  }

  std::string_view text_;
  const Kind& kind_;
  Schedule schedule_;
  std::string_view last_key_;
  std::set<std::string_view> seen_;
};

}  // namespace

Schedule parse_schedule(std::string_view text) {
  const std::size_t colon = text.find(':');
  Parser parser(text, kind_named(text.substr(0, colon)));
  if (colon == std::string_view::npos) return parser.result();
  std::string_view rest = text.substr(colon + 1);
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    parser.token(rest.substr(0, comma));
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
  }
  return parser.result();
}

std::string schedule_text(const Schedule& schedule) {
  const auto& table = kinds();
  const Kind& kind = *std::find_if(table.begin(), table.end(), [&](const Kind& k) { return k.kind == schedule.kind; });
  std::string pairs;
  const auto add = [&pairs](const std::string& text) { pairs += (pairs.empty() ? ":" : ",") + text; };
  if (kind.kind == ScheduleKind::multi_step) {
    std::string list;
    for (const Milestone& milestone : schedule.milestones) {
      list += cat(list.empty() ? "" : ",", number_text(milestone.value), milestone.percent ? "%" : "");
    }
    add("milestones=" + list);
  }
  for (const Number& number : kind.numbers) add(cat(number.key, "=", number_text(schedule.*number.member)));
  if (kind.word) add(cat(kind.word_key, "=", kind.words[schedule.*kind.word ? 1 : 0]));
  if (schedule.warmup > 0) {
    for (const Number& number : kWarmup) add(cat(number.key, "=", number_text(schedule.*number.member)));
  }
  return kind.name + pairs;
}

}  // namespace pliant
