// The inside of a JSON string, escaped as Docker's json-file log driver does (that is, as Go's encoding/json with HTML
// escaping, but \t, \b and \f in their long form).
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { JSON_WORST_CASE = 6 };

// Writes at most JSON_WORST_CASE × n bytes; returns how many. Each byte that is not part of valid UTF-8 becomes \ufffd.
size_t json_escape(uint8_t *into, const uint8_t *from, size_t n);
