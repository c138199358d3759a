#pragma once

#include <stdbool.h>

// Returns when everything is in the places in which a shim finds it that was started for its launch. `name` is overwritten by as
// many bytes as it has. Does not return when the daemon ends first.
void await_launch(char *name);
