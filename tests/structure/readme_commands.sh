#!/usr/bin/env bash
# Fails unless the README's first code block holds commands that exist, CI runs exactly these, and every link leads somewhere.
# usage: readme_commands.sh ROOT
set -euo pipefail
cd "$1"

status=0
complain() { echo "$*"; status=1; }

mapfile -t promised < <(awk '/^```/ { if (inside) exit; inside = 1; next } inside && NF { print $1 }' README.md | sort -u)
[ ${#promised[@]} -ge 2 ] || complain "README.md: its first code block holds ${#promised[@]} commands, expected at least 2"
for command in "${promised[@]}"; do
  [ -x "$command" ] || complain "README.md promises $command, which is not an executable file"
done
# What CI starts: the words at the beginning of its commands that are our own scripts.
mapfile -t run < <(grep -oE '^[[:space:]]*scripts/[a-z_]+\.sh' .ci/run | tr -d ' ' | grep -v install_dependencies | sort -u)
[ "${promised[*]}" = "${run[*]}" ] || complain "README.md's first code block has: ${promised[*]}; .ci/run runs: ${run[*]}"

links=0
folders='core|kernels|layers|nets|train|tests|scripts|docs|cmake|benchmarks|examples'
path_pattern="\`\\K($folders)/[^\`<>*{} ]+(?=[\` ])"
for page in README.md docs/*.md docs/*/*.md; do
  [ -e "$page" ] || continue
  while IFS= read -r target; do
    links=$((links + 1))
    [ -e "$(dirname "$page")/$target" ] || complain "$page: the link to $target leads nowhere"
  done < <(awk '/^```/ { code = !code } !code' "$page" | grep -oP '\]\(\K[^)#]+' | grep -v '://' || true)  # code has lambdas
  # Paths in backquotes, such as `core/tensor.h`, that begin with one of our folders; patterns are left out.
  while IFS= read -r path; do
    links=$((links + 1))
    [ -e "$path" ] || complain "$page: names $path, which does not exist"
  done < <(grep -oP "$path_pattern" "$page" | sed 's/[,;:]$//' | sort -u || true)
done
[ "$links" -ge 10 ] || complain "only $links links and paths found: the scan itself is broken"
echo "${#promised[@]} commands, $links links and paths checked"
exit $status
