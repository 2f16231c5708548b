// LLVM's OpenMP is not compiled for the thread sanitizer: what it does with memory of its own is not a race of ours. Its tool Archer tells
// the sanitizer of forks, joins and barriers.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
