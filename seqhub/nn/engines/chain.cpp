// A compiled function called again and again, each time on the next piece of its tensors and on what it gave before.
//
// The functions of torch's stable C interface (aoti_torch/c/shim.h) come in by pointer, so that nothing is included or
// linked. A handle that a compiled function takes is its own from then on, so every call gets fresh ones. Whoever calls
// holds Python's lock; the compiled function gives it up while it works.

#include <cstdint>
#include <cstdio>
#include <exception>
#include <vector>

namespace {

using Handle = void *;

struct Shape {
    int64_t dims;
    const int64_t *sizes;
    const int64_t *strides;
};

struct Interface {
    int (*view)(Handle, int64_t, const int64_t *, const int64_t *, int64_t, Handle *);
    int (*copy)(Handle, Handle *);
    int (*drop)(Handle);
};

void check(int code) {
    if (code != 0) throw std::exception();
}

}  // namespace

// Argument i is bases[i], steps[i] elements further on at every call; or, with feeds[i] >= 0, that result of the call
// before. taken: those that the function takes, in its order. Result r is argument places[r], or (from n_arguments on)
// an output. The last results stand in `results`, to be stolen. Returns 0, or writes a message.
extern "C" int seqhub_chain(void (*function)(Handle *, Handle *), const Interface *api, const Shape *shapes,
                            int64_t n_arguments, const int64_t *taken, int64_t n_taken, const int64_t *places,
                            int64_t n_results, int64_t n_outputs, int64_t calls, const Handle *bases,
                            const int64_t *steps, const int64_t *feeds, Handle *results, char *message, int64_t room) {
    std::vector<Handle> given(n_taken), outputs(n_outputs), before;
    try {
        for (int64_t call = 0; call < calls; ++call) {
            auto argument = [&](int64_t i) {
                Handle handle = nullptr;
                if (feeds[i] >= 0 && call > 0) {
                    check(api->copy(before[feeds[i]], &handle));
                } else if (steps[i] != 0) {
                    const Shape &s = shapes[i];
                    check(api->view(bases[i], s.dims, s.sizes, s.strides, steps[i] * call, &handle));
                } else {
                    check(api->copy(bases[i], &handle));
                }
                return handle;
            };
            for (int64_t i = 0; i < n_taken; ++i) given[i] = argument(taken[i]);
            function(given.data(), outputs.data());
            std::vector<Handle> after(n_results);
            for (int64_t r = 0; r < n_results; ++r) {
                if (places[r] < n_arguments) {
                    after[r] = argument(places[r]);
                } else {
                    check(api->copy(outputs[places[r] - n_arguments], &after[r]));
                }
            }
            for (Handle output : outputs) check(api->drop(output));
            for (Handle old : before) check(api->drop(old));
            before.swap(after);
        }
        for (int64_t r = 0; r < n_results; ++r) results[r] = before[r];
        return 0;
    } catch (const std::exception &error) {
        std::snprintf(message, room, "%s", error.what());
    } catch (...) {
        std::snprintf(message, room, "unknown error");
    }
    return 1;
}
